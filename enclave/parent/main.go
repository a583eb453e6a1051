// The parent is what runs on the instance beside the enclave: it hands over the manifest, credentials and ciphertext from
// a folder, and writes what comes back into it. It also carries bytes between the enclave and KMS; TLS ends in the enclave.
// On AWS the second part is AWS's own vsock-proxy, with an allow-list.
package main

import (
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// What an enclave may write, and how much of it.
var answers = map[string]int64{"attestation": 16 << 10, "outputs": 1 << 40, "result": 1 << 20, "failure": 1 << 10}

var objectPath = regexp.MustCompile(`^/objects/[0-9a-f]{64}$`)

func handler(folder string) http.HandlerFunc {
	return func(response http.ResponseWriter, request *http.Request) {
		name := strings.TrimPrefix(request.URL.Path, "/")
		switch limit, isAnswer := answers[name]; {
		case request.Method == http.MethodPut && isAnswer:
			if err := keep(filepath.Join(folder, name), http.MaxBytesReader(response, request.Body, limit)); err != nil {
				http.Error(response, "not kept", http.StatusConflict)
			}
		case request.Method == http.MethodGet && (name == "manifest" || name == "session" || objectPath.MatchString(request.URL.Path)):
			http.ServeFile(response, request, filepath.Join(folder, name))
		default:
			http.NotFound(response, request)
		}
	}
}

// keep writes a new file, whole or not at all. An enclave answers once.
func keep(path string, content io.Reader) error {
	file, err := os.OpenFile(path+".part", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

// carry forwards each connection to an address.
func carry(listener net.Listener, target string) {
	for {
		inner, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer inner.Close()
			outer, err := net.Dial("tcp", target)
			if err != nil {
				return
			}
			defer outer.Close()
			go func() {
				io.Copy(outer, inner)
				outer.(*net.TCPConn).CloseWrite()
			}()
			io.Copy(inner, outer)
		}()
	}
}

func main() {
	folder := flag.String("folder", "/var/lib/broch", "holds manifest, session and objects; takes the answers")
	address := flag.String("listen", "vsock:9000", "vsock:PORT or unix:PATH")
	proxy := flag.String("proxy", "", "also carry connections from unix:PATH")
	target := flag.String("target", "", "to this host:port")
	flag.Parse()
	if *proxy != "" {
		listener, err := listen(*proxy)
		if err != nil {
			log.Fatal(err)
		}
		go carry(listener, *target)
	}
	listener, err := listen(*address)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, handler(*folder)))
}
