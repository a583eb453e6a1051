package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// connect opens a stream to the parent: vsock:CID:PORT in an enclave, unix:PATH in the embedded cloud.
func connect(address string) (net.Conn, error) {
	if path, isUnix := strings.CutPrefix(address, "unix:"); isUnix {
		return net.Dial("unix", path)
	}
	parts := strings.Split(address, ":")
	if len(parts) != 3 || parts[0] != "vsock" {
		return nil, fmt.Errorf("%s is no address of the form vsock:CID:PORT or unix:PATH", address)
	}
	cid, err := strconv.ParseUint(parts[1], 10, 32)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(parts[2], 10, 32)
	if err != nil {
		return nil, err
	}
	return connectVsock(uint32(cid), uint32(port))
}

// sockaddrVM is struct sockaddr_vm of linux/vm_sockets.h.
type sockaddrVM struct {
	family   uint16
	reserved uint16
	port     uint32
	cid      uint32
	zero     [4]byte
}

const afVsock = 40

func connectVsock(cid, port uint32) (net.Conn, error) {
	socket, err := syscall.Socket(afVsock, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	address := sockaddrVM{family: afVsock, port: port, cid: cid}
	_, _, errno := syscall.Syscall(syscall.SYS_CONNECT, uintptr(socket), uintptr(unsafe.Pointer(&address)), unsafe.Sizeof(address))
	if errno != 0 {
		syscall.Close(socket)
		return nil, fmt.Errorf("vsock %d:%d: %w", cid, port, errno)
	}
	// Package net knows no vsock, but a file gives reads, writes and deadlines, which is all that HTTP and TLS need.
	if err := syscall.SetNonblock(socket, true); err != nil {
		return nil, err
	}
	return vsockConn{os.NewFile(uintptr(socket), "vsock")}, nil
}

type vsockConn struct{ *os.File }

type vsockAddr struct{}

func (vsockAddr) Network() string        { return "vsock" }
func (vsockAddr) String() string         { return "vsock" }
func (c vsockConn) LocalAddr() net.Addr  { return vsockAddr{} }
func (c vsockConn) RemoteAddr() net.Addr { return vsockAddr{} }
