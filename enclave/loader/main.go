// The loader is the only program in the enclave's image, public and measured. It runs a partner's confidential code on an
// owner's confidential data, for exactly one manifest that both approved: read it, measure it into PCR16, attest with a
// key made here, get data keys from KMS, unpack, run, encrypt the outputs, sign the result. docs/enclaves.md tells who
// trusts it for what.
package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// parent is the instance that this enclave runs on. Nothing that it says is trusted.
type parent struct{ client *http.Client }

func newParent(address string) parent {
	dial := func(context.Context, string, string) (net.Conn, error) { return connect(address) }
	return parent{&http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

func (p parent) open(path string) (io.ReadCloser, error) {
	response, err := p.client.Get("http://parent" + path)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, reason(fmt.Sprintf("the parent did not give %s", path))
	}
	return response.Body, nil
}

func (p parent) read(path string, limit int64) ([]byte, error) {
	body, err := p.open(path)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, limit))
}

func (p parent) write(path string, content []byte) error {
	request, err := http.NewRequest(http.MethodPut, "http://parent"+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return reason(fmt.Sprintf("the parent did not take %s", path))
	}
	return nil
}

// session is what the parent hands over for one run: its role's credentials, and the parties' keys bound to the run, each
// by the SHA-256 of its packed object.
type session struct {
	Credentials credentials       `json:"credentials"`
	Keys        map[string]string `json:"keys"`
}

// result is what the loader signs. Its fields are in the order of canonical JSON.
type result struct {
	Artefact    string            `json:"artefact"`
	Inputs      map[string]string `json:"inputs"`
	KmsRequests []string          `json:"kmsRequests"`
	Manifest    string            `json:"manifest"`
	Outputs     resultOutputs     `json:"outputs"`
	Run         string            `json:"run"`
	V           int               `json:"v"`
}

// resultOutputs has the padded size only. How many files and bytes there are could carry data, and the result leaves
// before anybody reviewed the outputs.
type resultOutputs struct {
	Packed int    `json:"packed"`
	Sha256 string `json:"sha256"`
}

type loader struct {
	parent   parent
	module   nsm
	kmsProxy string
	folder   string
	data     string
}

func (l loader) run() error {
	text, err := l.parent.read("/manifest", 1<<20)
	if err != nil {
		return err
	}
	m, digest, err := parseManifest(text)
	if err != nil {
		return err
	}
	if err := m.requireCurrent(time.Now()); err != nil {
		return err
	}
	if err := measure(l.module, digest); err != nil {
		return err
	}
	keys, err := l.attestedKms(m, digest)
	if err != nil {
		return err
	}
	outputs, err := l.compute(m, digest, keys)
	if err != nil {
		return err
	}
	return l.deliver(m, digest, keys, outputs)
}

// session reads what the parent hands over at this moment: it renews its credentials while the artefact runs.
func (p parent) session() (s session, err error) {
	handed, err := p.read("/session", 1<<20)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(handed, &s); err != nil {
		return s, reason("the parent handed over no session")
	}
	return s, nil
}

// attestedKms makes the key of this enclave, has it attested and gives the document to the parent, as evidence. Each call
// of KMS has a document of its own, over the same key: KMS takes none that is older than five minutes.
func (l loader) attestedKms(m manifest, digest []byte) (*kms, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	publicKey, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	nonce, err := hex.DecodeString(m.Nonce)
	if err != nil {
		return nil, err
	}
	attestNow := func() ([]byte, error) { return attest(l.module, digest, nonce, publicKey) }
	document, err := attestNow()
	if err != nil {
		return nil, err
	}
	return &kms{proxy: l.kmsProxy, session: l.parent.session, attest: attestNow, key: key}, l.parent.write("/attestation", document)
}

// compute unpacks the artefact and the inputs, runs the artefact and bundles what it wrote.
func (l loader) compute(m manifest, digest []byte, keys *kms) ([]byte, error) {
	if err := openFolder(l.folder); err != nil {
		return nil, err
	}
	artefact, outputs := filepath.Join(l.folder, "artefact"), filepath.Join(l.folder, "outputs")
	for _, folder := range []string{artefact, outputs} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	if err := l.fetch(m, digest, keys, m.Artefact, artefact); err != nil {
		return nil, err
	}
	for _, each := range m.Inputs {
		if err := l.fetch(m, digest, keys, each.packedObject, filepath.Join(l.data, each.path())); err != nil {
			return nil, err
		}
	}
	if err := protect(l.data); err != nil {
		return nil, err
	}
	if err := runArtefact(m, artefact, l.data, outputs); err != nil {
		return nil, err
	}
	return bundle(m, outputs)
}

func (l loader) fetch(m manifest, digest []byte, keys *kms, object packedObject, folder string) error {
	key, err := keys.decryptKey(object, m.context(digest))
	if err != nil {
		return err
	}
	source, err := l.parent.open("/objects/" + object.Sha256)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return unpack(source, object, key, folder)
}

// deliver encrypts the outputs under the key of the manifest and signs the result with the attested key.
func (l loader) deliver(m manifest, digest []byte, keys *kms, outputs []byte) error {
	key, wrapped, err := keys.newKey(m.Outputs.KmsKey, m.context(digest))
	if err != nil {
		return err
	}
	header, err := json.Marshal(map[string]any{
		"format": "broch-pack-1", "kmsKey": m.Outputs.KmsKey, "context": m.context(digest), "wrappedKey": base64.StdEncoding.EncodeToString(wrapped),
	})
	if err != nil {
		return err
	}
	line := append(header, '\n')
	encrypted, err := encryptStream(outputs, key, line)
	if err != nil {
		return err
	}
	packed := append(line, encrypted...)
	sum := sha256.Sum256(packed)
	inputs := map[string]string{}
	for _, each := range m.Inputs {
		inputs[each.path()] = each.Sha256
	}
	text, err := json.Marshal(result{
		Artefact: m.Artefact.Sha256, Inputs: inputs, KmsRequests: keys.requests, Manifest: hex.EncodeToString(digest), Run: m.Run, V: 1,
		Outputs: resultOutputs{Packed: len(packed), Sha256: hex.EncodeToString(sum[:])},
	})
	if err != nil {
		return err
	}
	textSum := sha512.Sum384(text)
	signature, err := rsa.SignPSS(rand.Reader, keys.key, crypto.SHA384, textSum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		return err
	}
	if err := l.parent.write("/outputs", packed); err != nil {
		return err
	}
	signed, err := json.Marshal(map[string]any{"result": json.RawMessage(text), "signature": base64.StdEncoding.EncodeToString(signature)})
	if err != nil {
		return err
	}
	return l.parent.write("/result", signed)
}

// reason is a failure in words of this program only. Other errors may name files of the artefact or of the data, so they
// do not leave the enclave.
type reason string

func (r reason) Error() string { return string(r) }

func describe(err error) string {
	var known reason
	if errors.As(err, &known) {
		return known.Error()
	}
	return "the loader failed"
}

func main() {
	if len(os.Args) > 4 && os.Args[1] == childMode {
		fmt.Fprintln(os.Stderr, becomeArtefact(os.Args[2:]))
		os.Exit(1)
	}
	nsmAddress := flag.String("nsm", "/dev/nsm", "the security module: a device, or unix:PATH")
	parentAddress := flag.String("parent", "vsock:3:9000", "the parent: vsock:CID:PORT or unix:PATH")
	kmsProxy := flag.String("kms", "vsock:3:8000", "the parent's proxy to KMS: vsock:CID:PORT or unix:PATH")
	// Enclaves mount /run and /tmp so that nothing in them can be executed. All else of their file system is in memory too.
	folder := flag.String("folder", "/broch", "a folder in memory, made now if it is not there")
	data := flag.String("data", "/data", "where the artefact finds its inputs, made now if it is not there")
	flag.Parse()
	l := loader{parent: newParent(*parentAddress), kmsProxy: *kmsProxy, folder: *folder, data: *data}
	var err error
	if l.module, err = openNsm(*nsmAddress); err == nil {
		err = l.run()
	}
	if err != nil {
		_ = l.parent.write("/failure", []byte(describe(err)))
		os.Exit(1)
	}
}
