package main

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"time"
)

type packedObject struct {
	Key    string `json:"key"`
	Sha256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	KmsKey string `json:"kmsKey"`
}

type input struct {
	packedObject
	Dataset string `json:"dataset"`
	Version string `json:"version"`
}

// manifest is what both parties approved: functions/enclaves/schemas.ts describes each field.
type manifest struct {
	V       int    `json:"v"`
	Run     string `json:"run"`
	Project string `json:"project"`
	Loader  struct {
		Pcr0 string `json:"pcr0"`
		Pcr1 string `json:"pcr1"`
		Pcr2 string `json:"pcr2"`
	} `json:"loader"`
	Artefact packedObject `json:"artefact"`
	Inputs   []input      `json:"inputs"`
	Outputs  struct {
		MaxBytes int64  `json:"maxBytes"`
		MaxFiles int    `json:"maxFiles"`
		KmsKey   string `json:"kmsKey"`
	} `json:"outputs"`
	Limits struct {
		Vcpus     int   `json:"vcpus"`
		MemoryMiB int64 `json:"memoryMiB"`
		Seconds   int   `json:"seconds"`
	} `json:"limits"`
	Nonce     string    `json:"nonce"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
}

var (
	datasetID = regexp.MustCompile(`^[a-z][a-z0-9-]{2,39}$`)
	versionID = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// path is where an input lies below /data, as on desktops and in batch jobs.
func (i input) path() string { return i.Dataset + "/" + i.Version[:12] }

// requirePaths refuses inputs that would lie elsewhere or in one folder.
func (m manifest) requirePaths() error {
	seen := map[string]bool{}
	for index, each := range m.Inputs {
		if !datasetID.MatchString(each.Dataset) || !versionID.MatchString(each.Version) {
			return reason(fmt.Sprintf("input %d names no version of a dataset", index+1))
		}
		if seen[each.path()] {
			return reason(fmt.Sprintf("two inputs would be in /data/%s", each.path()))
		}
		seen[each.path()] = true
	}
	return nil
}

// parseManifest reads a manifest. Its digest is that of the bytes as they came, so that nothing is left out of it.
func parseManifest(text []byte) (m manifest, digest []byte, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil || decoder.More() || m.V != 1 {
		return m, nil, reason("the manifest is not of version 1")
	}
	sum := sha512.Sum384(text)
	return m, sum[:], m.requirePaths()
}

func (m manifest) requireCurrent(now time.Time) error {
	if now.Before(m.NotBefore) || !now.Before(m.NotAfter) {
		return reason("the manifest is not valid at this time")
	}
	return nil
}

// context is the encryption context that binds keys to this run and manifest.
func (m manifest) context(digest []byte) map[string]string {
	return map[string]string{"broch:run": m.Run, "broch:manifest": hex.EncodeToString(digest)}
}
