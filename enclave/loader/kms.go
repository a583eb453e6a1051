package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// credentials are those of the parent's role. They give no key without this enclave's attestation.
type credentials struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	SessionToken    string `json:"sessionToken"`
}

// kms calls KMS through a proxy of the parent, which carries bytes only: TLS ends here.
type kms struct {
	proxy   string
	session func() (session, error)
	attest  func() ([]byte, error)
	key     *rsa.PrivateKey
	// Of every answer, for the evidence.
	requests []string
}

// A key ARN is arn:partition:kms:region:account:key/id.
func regionOf(keyArn string) (string, error) {
	parts := strings.Split(keyArn, ":")
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "kms" {
		return "", fmt.Errorf("%s is no ARN of a key", keyArn)
	}
	return parts[3], nil
}

func hmacSha256(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// sign adds a Signature Version 4. The headers are those that every call has.
func (c credentials) sign(request *http.Request, body []byte, region string, now time.Time) {
	stamp := now.UTC().Format("20060102T150405Z")
	request.Header.Set("X-Amz-Date", stamp)
	request.Header.Set("X-Amz-Security-Token", c.SessionToken)
	names := []string{"content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target"}
	var headers strings.Builder
	for _, name := range names {
		value := request.Header.Get(name)
		if name == "host" {
			value = request.URL.Host
		}
		headers.WriteString(name + ":" + value + "\n")
	}
	sum := sha256.Sum256(body)
	canonical := strings.Join([]string{"POST", "/", "", headers.String(), strings.Join(names, ";"), hex.EncodeToString(sum[:])}, "\n")
	canonicalSum := sha256.Sum256([]byte(canonical))
	scope := stamp[:8] + "/" + region + "/kms/aws4_request"
	text := strings.Join([]string{"AWS4-HMAC-SHA256", stamp, scope, hex.EncodeToString(canonicalSum[:])}, "\n")
	signingKey := []byte("AWS4" + c.SecretAccessKey)
	for _, part := range []string{stamp[:8], region, "kms", "aws4_request"} {
		signingKey = hmacSha256(signingKey, part)
	}
	request.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
		c.AccessKeyID, scope, strings.Join(names, ";"), hex.EncodeToString(hmacSha256(signingKey, text))))
}

type recipient struct {
	AttestationDocument    []byte
	KeyEncryptionAlgorithm string
}

// call makes one call with an attestation of this enclave as of now, and opens the key in the answer.
func (k *kms) call(held credentials, operation, keyArn string, fields map[string]any) (key, ciphertext []byte, err error) {
	region, err := regionOf(keyArn)
	if err != nil {
		return nil, nil, err
	}
	document, err := k.attest()
	if err != nil {
		return nil, nil, err
	}
	fields["KeyId"] = keyArn
	fields["Recipient"] = recipient{document, "RSAES_OAEP_SHA_256"}
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, nil, err
	}
	request, err := http.NewRequest("POST", "https://kms."+region+".amazonaws.com/", bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "TrentService."+operation)
	held.sign(request, body, region, time.Now())
	transport := &http.Transport{
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return connect(k.proxy) },
		TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
	}
	response, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, nil, err
	}
	k.requests = append(k.requests, response.Header.Get("x-amzn-RequestId"))
	if response.StatusCode != http.StatusOK {
		var problem struct {
			Type string `json:"__type"`
		}
		_ = json.Unmarshal(content, &problem)
		return nil, nil, reason(fmt.Sprintf("KMS refused %s with %s: %s", operation, keyArn, problem.Type))
	}
	var answer struct{ CiphertextForRecipient, CiphertextBlob, Plaintext []byte }
	if err := json.Unmarshal(content, &answer); err != nil || len(answer.Plaintext) > 0 {
		return nil, nil, errCms
	}
	key, err = openEnvelope(answer.CiphertextForRecipient, k.key)
	if err == nil && len(key) != 32 {
		err = errCms
	}
	return key, answer.CiphertextBlob, err
}

// decryptKey gets the key of a packed object that its party bound to this run and manifest.
func (k *kms) decryptKey(object packedObject, runContext map[string]string) ([]byte, error) {
	s, err := k.session()
	if err != nil {
		return nil, err
	}
	blob, err := base64.StdEncoding.DecodeString(s.Keys[object.Sha256])
	if err != nil {
		return nil, err
	}
	key, _, err := k.call(s.Credentials, "Decrypt", object.KmsKey, map[string]any{"CiphertextBlob": blob, "EncryptionContext": runContext})
	return key, err
}

// newKey gets a key for the outputs, which only the owner of the key can have decrypted again.
func (k *kms) newKey(keyArn string, runContext map[string]string) (key, wrapped []byte, err error) {
	s, err := k.session()
	if err != nil {
		return nil, nil, err
	}
	return k.call(s.Credentials, "GenerateDataKey", keyArn, map[string]any{"KeySpec": "AES_256", "EncryptionContext": runContext})
}
