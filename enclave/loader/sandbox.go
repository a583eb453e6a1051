package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// The artefact runs as this user if the loader may change users, as it may in an enclave.
const nobody = 65534

// childMode is the first argument of the loader that confines itself and then becomes the artefact.
const childMode = "confined"

// runArtefact runs the program `run` of the artefact without a network and within the limits. What it writes to its
// standard output, and its exit code, stay here: they could carry data out.
func runArtefact(m manifest, folder, data, outputs string) error {
	limit, cancel := context.WithTimeout(context.Background(), time.Duration(m.Limits.Seconds)*time.Second)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.CommandContext(limit, self, childMode, strconv.FormatInt(m.Limits.MemoryMiB, 10), strconv.FormatInt(m.Outputs.MaxBytes, 10), "./run")
	command.Dir = folder
	command.Env = []string{"BROCH_DATA=" + data, "BROCH_OUTPUTS=" + outputs, "PATH=/usr/bin:/bin", "TMPDIR=" + outputs, "LC_ALL=C.UTF-8"}
	// Its own process group, so that what it started ends with it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		if err := giveAway(folder, outputs); err != nil {
			return err
		}
		command.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = time.Second
	err = command.Run()
	if command.Process != nil {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
	}
	if limit.Err() != nil {
		return reason("the artefact did not end in time")
	}
	if err != nil {
		return reason("the artefact failed")
	}
	return nil
}

// openFolder makes the folder of a run. The artefact, which is another user, passes through it and cannot list it.
func openFolder(path string) error {
	if err := os.MkdirAll(path, 0o711); err != nil {
		return err
	}
	return os.Chmod(path, 0o711)
}

func giveAway(folders ...string) error {
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, nobody, nobody)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// protect lets everybody read what is in a folder, and nobody change it but root.
func protect(folder string) error {
	return filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.Chmod(path, 0o555)
		}
		return os.Chmod(path, 0o444)
	})
}

const rlimitNproc = 6

// becomeArtefact confines this process and replaces it by the program.
func becomeArtefact(arguments []string) error {
	runtime.LockOSThread()
	memoryMiB, err := strconv.ParseUint(arguments[0], 10, 32)
	if err != nil {
		return err
	}
	fileBytes, err := strconv.ParseUint(arguments[1], 10, 63)
	if err != nil {
		return err
	}
	limits := map[int]uint64{
		syscall.RLIMIT_DATA: memoryMiB << 20, syscall.RLIMIT_FSIZE: fileBytes, syscall.RLIMIT_CORE: 0, rlimitNproc: 512,
	}
	for resource, value := range limits {
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: value, Max: value}); err != nil {
			return err
		}
	}
	if err := denyNetwork(); err != nil {
		return fmt.Errorf("seccomp: %w", err)
	}
	return syscall.Exec(arguments[2], arguments[2:], os.Environ())
}

type bpf struct {
	code   uint16
	jt, jf uint8
	k      uint32
}

type bpfProgram struct {
	length uint16
	filter *bpf
}

const (
	prSetNoNewPrivs = 38
	prSetSeccomp    = 22
	load, equal     = 0x20, 0x15
	answer          = 0x06
	allow, refuse   = 0x7fff0000, 0x00050000 | uint32(syscall.EPERM)
	kill            = 0x80000000
	ioUringSetup    = 425
)

var architectures = map[string]uint32{"amd64": 0xc000003e, "arm64": 0xc00000b7}

// denyNetwork refuses every socket but Unix ones, for this process and what it starts, for good. An enclave has no network,
// but a vsock would still lead to the parent. Calls of another architecture, which have other numbers, end the process.
func denyNetwork() error {
	filter := []bpf{
		{load, 0, 0, 4},
		{equal, 1, 0, architectures[runtime.GOARCH]},
		{answer, 0, 0, kill},
		{load, 0, 0, 0},
		{equal, 0, 3, syscall.SYS_SOCKET},
		{load, 0, 0, 16},
		{equal, 3, 0, syscall.AF_UNIX},
		{answer, 0, 0, refuse},
		{equal, 0, 1, ioUringSetup},
		{answer, 0, 0, refuse},
		{answer, 0, 0, allow},
	}
	// The x32 calls of a 64-bit kernel have this bit in their number.
	if runtime.GOARCH == "amd64" {
		filter = append(filter[:4:4], append([]bpf{{0x35, 0, 1, 0x40000000}, {answer, 0, 0, kill}}, filter[4:]...)...)
	}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	program := bpfProgram{uint16(len(filter)), &filter[0]}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetSeccomp, 2, uintptr(unsafe.Pointer(&program)), 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
