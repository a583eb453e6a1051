package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"regexp"
)

const maxHeaderLine = 4096

// unpack reads a packed object, checks that it is the one of the manifest, and writes its files into a folder.
func unpack(source io.Reader, object packedObject, key []byte, folder string) error {
	hash := sha256.New()
	packed := io.TeeReader(io.LimitReader(source, object.Bytes+1), hash)
	reader := bufio.NewReaderSize(packed, maxHeaderLine)
	line, err := reader.ReadSlice('\n')
	if err != nil {
		return errStream
	}
	plain, err := newStreamReader(reader, key, append([]byte{}, line...))
	if err != nil {
		return err
	}
	if err := extract(tar.NewReader(plain), folder); err != nil {
		return err
	}
	// The rest of the archive, so that its end and its hash are checked before anything of it is used.
	if _, err := io.Copy(io.Discard, plain); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, packed); err != nil {
		return err
	}
	if hex.EncodeToString(hash.Sum(nil)) != object.Sha256 {
		return reason("a packed file is not the one of the manifest")
	}
	return nil
}

func extract(archive *tar.Reader, folder string) error {
	for {
		header, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return errStream
		}
		if header.Typeflag != tar.TypeReg || !filepath.IsLocal(header.Name) {
			return reason("a packed file holds something that is no file")
		}
		path := filepath.Join(folder, header.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, os.FileMode(header.Mode&0o755))
		if err != nil {
			return err
		}
		_, err = io.Copy(file, archive)
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
	}
}

// Names of outputs: few enough signs that a reviewer sees what a name says.
var outputName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// bundle archives the outputs. The archive is padded to a power of two, so that its size says little.
func bundle(m manifest, folder string) ([]byte, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	var written int64
	archive := tar.NewWriter(&buffer)
	for index, entry := range entries {
		if !entry.Type().IsRegular() || !outputName.MatchString(entry.Name()) {
			return nil, reason("the artefact wrote something that is no plain file with a plain name")
		}
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		written += int64(len(content))
		if index >= m.Outputs.MaxFiles || written > m.Outputs.MaxBytes {
			return nil, reason("the artefact wrote more than the manifest permits")
		}
		if err := archive.WriteHeader(&tar.Header{Name: entry.Name(), Mode: 0o644, Size: int64(len(content)), Format: tar.FormatUSTAR}); err != nil {
			return nil, err
		}
		if _, err := archive.Write(content); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	size := 64 << 10
	for size < buffer.Len() {
		size *= 2
	}
	return append(buffer.Bytes(), make([]byte, size-buffer.Len())...), nil
}
