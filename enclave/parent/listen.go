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

// sockaddrVM is struct sockaddr_vm of linux/vm_sockets.h.
type sockaddrVM struct {
	family   uint16
	reserved uint16
	port     uint32
	cid      uint32
	zero     [4]byte
}

const (
	afVsock = 40
	anyCid  = 0xffffffff
)

// listen takes connections of the enclave: on vsock:PORT, or on unix:PATH in the embedded cloud.
func listen(address string) (net.Listener, error) {
	if path, isUnix := strings.CutPrefix(address, "unix:"); isUnix {
		return net.Listen("unix", path)
	}
	number, isVsock := strings.CutPrefix(address, "vsock:")
	port, err := strconv.ParseUint(number, 10, 32)
	if err != nil || !isVsock {
		return nil, fmt.Errorf("%s is no address of the form vsock:PORT or unix:PATH", address)
	}
	socket, err := syscall.Socket(afVsock, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	name := sockaddrVM{family: afVsock, port: uint32(port), cid: anyCid}
	if _, _, errno := syscall.Syscall(syscall.SYS_BIND, uintptr(socket), uintptr(unsafe.Pointer(&name)), unsafe.Sizeof(name)); errno != 0 {
		return nil, errno
	}
	if err := syscall.Listen(socket, 8); err != nil {
		return nil, err
	}
	return vsockListener{socket}, nil
}

type vsockListener struct{ socket int }

func (l vsockListener) Accept() (net.Conn, error) {
	socket, _, errno := syscall.Syscall6(syscall.SYS_ACCEPT4, uintptr(l.socket), 0, 0, syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0, 0)
	if errno != 0 {
		return nil, errno
	}
	return vsockConn{os.NewFile(socket, "vsock")}, nil
}

func (l vsockListener) Close() error   { return syscall.Close(l.socket) }
func (l vsockListener) Addr() net.Addr { return vsockAddr{} }

type vsockConn struct{ *os.File }

type vsockAddr struct{}

func (vsockAddr) Network() string        { return "vsock" }
func (vsockAddr) String() string         { return "vsock" }
func (c vsockConn) LocalAddr() net.Addr  { return vsockAddr{} }
func (c vsockConn) RemoteAddr() net.Addr { return vsockAddr{} }
