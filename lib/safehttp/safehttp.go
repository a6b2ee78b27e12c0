// Package safehttp is an HTTP client for addresses that strangers or configuration name: web hooks out, media that a provider
// points to. It never connects to this machine, its networks or a cloud's metadata, however the address is spelled, whatever a name
// resolves to at that moment and wherever a redirect leads: what counts is the IP address that is about to be dialled.
package safehttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// Options bound what a client does. Zero values mean the defaults.
type Options struct {
	Allow     []netip.Prefix // networks that may be reached although they are not public: one's own hooks
	Timeout   time.Duration  // of a whole request with its redirects and body; default 10 s
	MaxBody   int64          // bytes of an answer that are read; default 1 MiB
	Redirects int            // that a GET or HEAD follows, default none; other requests follow none
	Resolver  *net.Resolver  // default: the system's
}

// ErrForbidden says that an address is not to be reached from here.
var ErrForbidden = errors.New("the address is not a public one")

// ErrTooLarge says that an answer is larger than it may be.
var ErrTooLarge = errors.New("the answer is too large")

// Client makes requests within its options. It is safe for concurrent use.
type Client struct {
	http    http.Client
	maxBody int64
}

// New makes a client. It takes no proxy from the environment: a proxy would dial for us, unchecked.
func New(o Options) *Client {
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 1 << 20
	}
	dialer := &net.Dialer{Timeout: o.Timeout / 2, Resolver: o.Resolver, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %s", ErrForbidden, address)
		}
		return Check(to.Addr(), o.Allow)
	}}
	c := &Client{maxBody: o.MaxBody}
	c.http = http.Client{
		Timeout: o.Timeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, MaxIdleConns: 16, IdleConnTimeout: 30 * time.Second,
			TLSHandshakeTimeout: o.Timeout / 2, ResponseHeaderTimeout: o.Timeout, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if first := via[0].Method; len(via) > o.Redirects || first != http.MethodGet && first != http.MethodHead {
				return http.ErrUseLastResponse
			}
			return checkURL(r.URL)
		},
	}
	return c
}

// Answer is a response with its whole body.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends the request and reads the answer, at most MaxBody bytes of it. The error is ErrForbidden where the address must not be reached.
func (c *Client) Do(r *http.Request) (Answer, error) {
	if err := checkURL(r.URL); err != nil {
		return Answer{}, err
	}
	res, err := c.http.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, c.maxBody+1))
	if err != nil {
		return Answer{}, fmt.Errorf("read the answer: %w", err)
	}
	if int64(len(body)) > c.maxBody {
		return Answer{Status: res.StatusCode, Header: res.Header}, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, c.maxBody)
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: body}, nil
}

// Get fetches a URL.
func (c *Client) Get(ctx context.Context, address string) (Answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return Answer{}, err
	}
	return c.Do(r)
}

// CheckURL tells whether a URL may be configured at all: http or https, a host, no name and password. Where it leads is checked when it is dialled.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("is not a URL: %w", err)
	}
	return checkURL(u)
}

func checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%w: only http and https are spoken", ErrForbidden)
	case u.Hostname() == "":
		return fmt.Errorf("%w: there is no host", ErrForbidden)
	case u.User != nil:
		return fmt.Errorf("%w: a name or password does not belong into a URL", ErrForbidden)
	}
	return nil
}
