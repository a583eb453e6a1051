package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
)

var errCms = reason("KMS answered something that is no key for this enclave")

// element is one element of BER, whose content may end with a mark instead of having a length.
type element struct {
	tag     byte
	content []byte
}

// readElement reads one element and returns what follows it.
func readElement(in []byte, depth int) (element, []byte, error) {
	if len(in) < 2 || depth > 12 {
		return element{}, nil, errCms
	}
	tag, length, rest := in[0], int(in[1]), in[2:]
	if length == 0x80 {
		content := rest
		for {
			if len(rest) >= 2 && rest[0] == 0 && rest[1] == 0 {
				return element{tag, content[:len(content)-len(rest)]}, rest[2:], nil
			}
			var err error
			if _, rest, err = readElement(rest, depth+1); err != nil {
				return element{}, nil, err
			}
		}
	}
	if length > 0x80 {
		width := length - 0x80
		if width > 3 || len(rest) < width {
			return element{}, nil, errCms
		}
		length = 0
		for _, b := range rest[:width] {
			length = length<<8 | int(b)
		}
		rest = rest[width:]
	}
	if length > len(rest) {
		return element{}, nil, errCms
	}
	return element{tag, rest[:length]}, rest[length:], nil
}

// children reads the elements in another. Wrong content gives none, which the callers refuse.
func children(parent element) []element {
	var elements []element
	for rest := parent.content; len(rest) > 0; {
		child, next, err := readElement(rest, 0)
		if err != nil {
			return nil
		}
		elements, rest = append(elements, child), next
	}
	return elements
}

// child returns the element at a path of positions, or an empty one.
func child(parent element, path ...int) element {
	for _, position := range path {
		elements := children(parent)
		if position >= len(elements) {
			return element{}
		}
		parent = elements[position]
	}
	return parent
}

var (
	oidEnveloped = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03}
	oidAes256Cbc = []byte{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a}
)

// openEnvelope decrypts CiphertextForRecipient: CMS EnvelopedData (RFC 5652) with one recipient, RSA-OAEP with SHA-256,
// and AES-256-CBC.
func openEnvelope(envelope []byte, key *rsa.PrivateKey) ([]byte, error) {
	outer, rest, err := readElement(envelope, 0)
	if err != nil || len(rest) > 0 || !bytes.Equal(child(outer, 0).content, oidEnveloped) {
		return nil, errCms
	}
	data := child(outer, 1, 0)
	recipient := child(data, 1, 0)
	contents := child(data, 2)
	algorithm := child(contents, 1)
	if !bytes.Equal(child(algorithm, 0).content, oidAes256Cbc) {
		return nil, errCms
	}
	contentKey, err := rsa.DecryptOAEP(sha256.New(), rand.Reader, key, child(recipient, 3).content, nil)
	if err != nil {
		return nil, errCms
	}
	// The content is one piece, or a list of pieces.
	encrypted := child(contents, 2)
	text := encrypted.content
	if encrypted.tag&0x20 != 0 {
		text = nil
		for _, piece := range children(encrypted) {
			text = append(text, piece.content...)
		}
	}
	return decryptCbc(contentKey, child(algorithm, 1).content, text)
}

func decryptCbc(key, iv, text []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil || len(key) != 32 || len(iv) != aes.BlockSize || len(text) == 0 || len(text)%aes.BlockSize != 0 {
		return nil, errCms
	}
	plain := make([]byte, len(text))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, text)
	padding := int(plain[len(plain)-1])
	if padding < 1 || padding > aes.BlockSize || !bytes.HasSuffix(plain, bytes.Repeat([]byte{byte(padding)}, padding)) {
		return nil, errCms
	}
	return plain[:len(plain)-padding], nil
}
