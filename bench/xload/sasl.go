package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

const saslNS = "urn:ietf:params:xml:ns:xmpp-sasl"

// maxIterations bounds what a server may make us compute (RFC 5802 section 9).
const maxIterations = 1000000

// password of a person of ours.
func password(user string) string { return "pw" + user }

// authenticate runs one SASL exchange on a session whose stream is open.
func (s *session) authenticate(mech string) error {
	switch mech {
	case "SCRAM-SHA-256":
		return s.scram(mech, sha256.New)
	case "SCRAM-SHA-1":
		return s.scram(mech, sha1.New)
	}
	return s.plain()
}

// plain is RFC 4616.
func (s *session) plain() error {
	token := base64.StdEncoding.EncodeToString([]byte("\x00" + s.user + "\x00" + password(s.user)))
	if err := s.send("<auth xmlns='%s' mechanism='PLAIN'>%s</auth>", saslNS, token); err != nil {
		return err
	}
	_, err := s.saslAnswer("success")
	return err
}

// scram is RFC 5802 and RFC 7677, without channel binding, and it checks the
// server's signature.
func (s *session) scram(mech string, newHash func() hash.Hash) error {
	random := make([]byte, 12)
	if _, err := rand.Read(random); err != nil {
		return err
	}
	first := "n=" + s.user + ",r=" + hex.EncodeToString(random)
	if err := s.send("<auth xmlns='%s' mechanism='%s'>%s</auth>", saslNS, mech,
		base64.StdEncoding.EncodeToString([]byte("n,,"+first))); err != nil {
		return err
	}
	challenge, err := s.saslAnswer("challenge")
	if err != nil {
		return err
	}
	nonce, salt, iterations, err := scramChallenge(challenge, hex.EncodeToString(random))
	if err != nil {
		return err
	}
	mac := func(key []byte, data string) []byte {
		m := hmac.New(newHash, key)
		m.Write([]byte(data))
		return m.Sum(nil)
	}
	salted := stretch(newHash, password(s.user), salt, iterations)
	final := "c=biws,r=" + nonce
	signed := first + "," + challenge + "," + final
	proof := mac(salted, "Client Key")
	stored := newHash()
	stored.Write(proof)
	for i, b := range mac(stored.Sum(nil), signed) {
		proof[i] ^= b
	}
	final += ",p=" + base64.StdEncoding.EncodeToString(proof)
	if err := s.send("<response xmlns='%s'>%s</response>", saslNS,
		base64.StdEncoding.EncodeToString([]byte(final))); err != nil {
		return err
	}
	verdict, err := s.saslAnswer("success")
	if err != nil {
		return err
	}
	want := "v=" + base64.StdEncoding.EncodeToString(mac(mac(salted, "Server Key"), signed))
	if verdict != want {
		return errors.New("the server's SCRAM signature is wrong")
	}
	return nil
}

// saslAnswer reads the server's next SASL element and decodes its text.
func (s *session) saslAnswer(name string) (string, error) {
	raw, err := s.element()
	if err != nil {
		return "", err
	}
	if !named(raw, name) {
		return "", fmt.Errorf("%s: wanted <%s/>, got %.200s", s.user, name, raw)
	}
	if bytes.HasSuffix(raw, []byte("/>")) {
		return "", nil
	}
	decoded, err := base64.StdEncoding.DecodeString(text(raw, ""))
	return string(decoded), err
}

func scramChallenge(challenge, own string) (nonce string, salt []byte, iterations int, err error) {
	for _, field := range strings.Split(challenge, ",") {
		if len(field) < 2 {
			continue
		}
		switch field[:2] {
		case "r=":
			nonce = field[2:]
		case "s=":
			if salt, err = base64.StdEncoding.DecodeString(field[2:]); err != nil {
				return "", nil, 0, err
			}
		case "i=":
			if iterations, err = strconv.Atoi(field[2:]); err != nil {
				return "", nil, 0, err
			}
		}
	}
	if !strings.HasPrefix(nonce, own) || len(salt) == 0 || iterations < 1 || iterations > maxIterations {
		return "", nil, 0, fmt.Errorf("SCRAM challenge %q cannot be used", challenge)
	}
	return nonce, salt, iterations, nil
}

// stretch is Hi() of RFC 5802: PBKDF2 with one block.
func stretch(newHash func() hash.Hash, secret string, salt []byte, iterations int) []byte {
	mac := hmac.New(newHash, []byte(secret))
	mac.Write(salt)
	mac.Write([]byte{0, 0, 0, 1})
	block := mac.Sum(nil)
	result := append([]byte(nil), block...)
	for i := 1; i < iterations; i++ {
		mac.Reset()
		mac.Write(block)
		block = mac.Sum(block[:0])
		for j := range result {
			result[j] ^= block[j]
		}
	}
	return result
}
