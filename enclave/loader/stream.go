package main

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"io"
)

// Tink's AES-GCM-HKDF streaming format with segments of 1 MiB: see functions/enclaves/pack/stream-cipher.ts.
const (
	segmentBytes = 1 << 20
	headerBytes  = 1 + 32 + 7
	tagBytes     = 16
)

var errStream = reason("a packed file is not what was packed: it was changed, cut or belongs to another key")

func streamCipher(key, header, context []byte) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, key, header[1:33], string(context), 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func nonce(header []byte, segment uint32, isLast bool) []byte {
	value := binary.BigEndian.AppendUint32(append([]byte{}, header[33:]...), segment)
	if isLast {
		return append(value, 1)
	}
	return append(value, 0)
}

// streamReader decrypts. Only after io.EOF is it known that the stream was complete.
type streamReader struct {
	source  *bufio.Reader
	aead    cipher.AEAD
	header  []byte
	segment uint32
	plain   []byte
	isLast  bool
}

func newStreamReader(source io.Reader, key, context []byte) (io.Reader, error) {
	header := make([]byte, headerBytes)
	if _, err := io.ReadFull(source, header); err != nil || header[0] != headerBytes {
		return nil, errStream
	}
	aead, err := streamCipher(key, header, context)
	return &streamReader{source: bufio.NewReaderSize(source, segmentBytes+1), aead: aead, header: header}, err
}

func (s *streamReader) Read(out []byte) (int, error) {
	for len(s.plain) == 0 {
		if s.isLast {
			return 0, io.EOF
		}
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	count := copy(out, s.plain)
	s.plain = s.plain[count:]
	return count, nil
}

func (s *streamReader) next() error {
	size := segmentBytes
	if s.segment == 0 {
		size -= headerBytes
	}
	text := make([]byte, size)
	count, err := io.ReadFull(s.source, text)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return err
	}
	_, peekErr := s.source.Peek(1)
	s.isLast = peekErr == io.EOF
	s.plain, err = s.aead.Open(text[:0], nonce(s.header, s.segment, s.isLast), text[:count], nil)
	if err != nil {
		return errStream
	}
	s.segment++
	return nil
}

// encryptStream encrypts bytes that fit in memory: outputs have a limit.
func encryptStream(plain, key, context []byte) ([]byte, error) {
	header := make([]byte, headerBytes)
	if _, err := rand.Read(header); err != nil {
		return nil, err
	}
	header[0] = headerBytes
	aead, err := streamCipher(key, header, context)
	if err != nil {
		return nil, err
	}
	out := append([]byte{}, header...)
	for segment := uint32(0); ; segment++ {
		size := segmentBytes - tagBytes
		if segment == 0 {
			size -= headerBytes
		}
		isLast := len(plain) <= size
		if isLast {
			size = len(plain)
		}
		out = aead.Seal(out, nonce(header, segment, isLast), plain[:size], nil)
		if isLast {
			return out, nil
		}
		plain = plain[size:]
	}
}
