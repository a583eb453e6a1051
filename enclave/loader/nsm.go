package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"unsafe"
)

// nsm is the Nitro security module of this enclave.
type nsm interface {
	call(request []byte) ([]byte, error)
}

const (
	// _IOWR(0x0A, 0, struct nsm_raw) of linux/nsm.h, with two vectors of 16 bytes.
	nsmIoctl       = 0xC0200A00
	nsmMaxResponse = 0x3000
)

type device struct{ file *os.File }

type nsmMessage struct {
	request  syscall.Iovec
	response syscall.Iovec
}

func (d device) call(request []byte) ([]byte, error) {
	response := make([]byte, nsmMaxResponse)
	message := nsmMessage{
		request:  syscall.Iovec{Base: &request[0], Len: uint64(len(request))},
		response: syscall.Iovec{Base: &response[0], Len: uint64(len(response))},
	}
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, d.file.Fd(), nsmIoctl, uintptr(unsafe.Pointer(&message)))
	if errno != 0 {
		return nil, fmt.Errorf("the security module: %w", errno)
	}
	return response[:message.response.Len], nil
}

// simulated speaks the same requests over a Unix socket, each with its length before it.
type simulated struct{ address string }

func (s simulated) call(request []byte) ([]byte, error) {
	connection, err := connect(s.address)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	if _, err := connection.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(request))), request...)); err != nil {
		return nil, err
	}
	head := make([]byte, 4)
	if _, err := io.ReadFull(connection, head); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head)
	if length > nsmMaxResponse {
		return nil, errCbor
	}
	response := make([]byte, length)
	_, err = io.ReadFull(connection, response)
	return response, err
}

func openNsm(address string) (nsm, error) {
	if strings.HasPrefix(address, "unix:") {
		return simulated{address}, nil
	}
	file, err := os.OpenFile(address, os.O_RDWR, 0)
	return device{file}, err
}

// ask sends a request and returns the fields of its answer; an answer without fields is a text.
func ask(module nsm, name string, fields []field) (map[string]any, error) {
	bytes, err := module.call(encodeCbor([]field{{name, fields}}))
	if err != nil {
		return nil, err
	}
	value, rest, err := decodeCbor(bytes, 0)
	if err != nil || len(rest) > 0 {
		return nil, errCbor
	}
	if text, isText := value.(string); isText && text == name {
		return nil, nil
	}
	answer, _ := value.(map[string]any)
	if reason, failed := answer["Error"]; failed {
		return nil, fmt.Errorf("the security module refused %s: %v", name, reason)
	}
	result, isMap := answer[name].(map[string]any)
	if !isMap {
		return nil, errCbor
	}
	return result, nil
}

// measure extends PCR16 with the digest of the manifest and locks it, so that nothing that runs later can change it. It
// refuses a register that was used before: then something else ran in this enclave.
func measure(module nsm, digest []byte) error {
	before, err := ask(module, "DescribePCR", []field{{"index", 16}})
	if err != nil {
		return err
	}
	if data, _ := before["data"].([]byte); strings.Trim(string(data), "\x00") != "" {
		return reason("PCR16 was extended before")
	}
	if _, err := ask(module, "ExtendPCR", []field{{"index", 16}, {"data", digest}}); err != nil {
		return err
	}
	_, err = ask(module, "LockPCR", []field{{"index", 16}})
	return err
}

func attest(module nsm, userData, nonce, publicKey []byte) ([]byte, error) {
	answer, err := ask(module, "Attestation", []field{{"user_data", userData}, {"nonce", nonce}, {"public_key", publicKey}})
	if err != nil {
		return nil, err
	}
	document, isBytes := answer["document"].([]byte)
	if !isBytes {
		return nil, errCbor
	}
	return document, nil
}
