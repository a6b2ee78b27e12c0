package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// Sign makes the value of a signature header for what we post to others: the time, and for each secret that counts the HMAC-SHA256 of "seconds.body".
func Sign(body []byte, at time.Time, secrets ...[]byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	value := "t=" + seconds
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(seconds + "."))
		mac.Write(body)
		value += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	return value
}
