package check

import (
	"bufio"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
)

// maxPage is how much of a page is read: a match beyond it is not found.
const maxPage = 1 << 20

func askHTTP(ctx context.Context, c Check, conn net.Conn) error {
	request, err := c.Page.request(ctx, c)
	if err != nil {
		return err
	}
	write := request.Write
	if strings.HasPrefix(c.Page.Path, "http://") {
		write = request.WriteProxy // the server is a proxy
	}
	if v := c.Page.Version; v == HTTP10 || v == HTTP10Closed {
		write = func(w io.Writer) error { return writeOld(w, request, v == HTTP10Closed) }
	}
	if err := write(conn); err != nil {
		return fmt.Errorf("ask for %s: %w", request.URL.RequestURI(), err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return fmt.Errorf("read the answer for %s: %w", request.URL.RequestURI(), err)
	}
	defer answer.Body.Close()
	return c.Page.judge(answer)
}

func (p Page) request(ctx context.Context, c Check) (*http.Request, error) {
	method, path := p.Method, p.Path
	if method == "" {
		method = http.MethodGet
	}
	switch {
	case strings.HasPrefix(path, "http://"):
	case strings.HasPrefix(path, "/"):
		path = "http://" + c.Target.String() + path
	default:
		path = "http://" + c.Target.String() + "/" + path
	}
	request, err := http.NewRequestWithContext(ctx, method, path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", path, err)
	}
	if p.Host != "" {
		request.Host = p.Host
	}
	request.Header.Set("User-Agent", "holdfast-check")
	request.Close = true
	return request, nil
}

func (p Page) judge(answer *http.Response) error {
	good := answer.StatusCode >= 200 && answer.StatusCode < 400
	if len(p.Status) > 0 {
		good = slices.Contains(p.Status, answer.StatusCode)
	}
	if !good {
		return fmt.Errorf("the status is %q", answer.Status)
	}
	if p.Match == nil && p.Digest == "" {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxPage))
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	if p.Match != nil && p.matches(body) == p.Not {
		return fmt.Errorf("%s in the page matches %q", map[bool]string{false: "nothing", true: "something"}[p.Not], p.Match)
	}
	sum := md5.Sum(body) // an identity of the page that genhash prints, not a protection
	if got := hex.EncodeToString(sum[:]); p.Digest != "" && !strings.EqualFold(got, p.Digest) {
		return fmt.Errorf("the page's digest is %s, not %s", got, p.Digest)
	}
	return nil
}

// matches looks for a match that begins where one may.
func (p Page) matches(body []byte) bool {
	if p.From == 0 && p.To == 0 {
		return p.Match.Match(body)
	}
	found := p.Match.FindIndex(body[min(p.From, len(body)):])
	return found != nil && (p.To == 0 || p.From+found[0] <= p.To)
}

// writeOld asks as HTTP/1.0 does.
func writeOld(w io.Writer, request *http.Request, closed bool) error {
	text := fmt.Sprintf("%s %s HTTP/1.0\r\nUser-Agent: %s\r\nHost: %s\r\n", request.Method, request.URL.RequestURI(), request.UserAgent(), request.Host)
	if closed {
		text += "Connection: close\r\n"
	}
	_, err := io.WriteString(w, text+"\r\n")
	return err
}
