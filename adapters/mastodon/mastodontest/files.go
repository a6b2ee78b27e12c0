package mastodontest

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Uploaded is a file that the account gave to the server.
type Uploaded struct{ Name, Type, Data, Description string }

// Uploads are the files that were given, in their order; their ids are "m0", "m1", …
func (s *Server) Uploads() []Uploaded {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.uploads)
}

// WorkOnFiles has the server take so many looks at a file before it is done with it.
func (s *Server) WorkOnFiles(looks int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.working = looks
}

// upload takes a file; what is to be worked on is answered with 202.
func (s *Server) upload(r *http.Request) (int, any) {
	file, header, err := r.FormFile("file")
	if err != nil {
		return http.StatusUnprocessableEntity, map[string]any{"error": "Validation failed: File can't be blank"}
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return http.StatusUnprocessableEntity, map[string]any{"error": "Validation failed: File content type is invalid"}
	}
	s.uploads = append(s.uploads, Uploaded{header.Filename, header.Header.Get("Content-Type"), string(data), r.FormValue("description")})
	return s.media("m"+strconv.Itoa(len(s.uploads)-1), http.StatusAccepted)
}

// media tells how far the work on a file is.
func (s *Server) media(id string, working int) (int, any) {
	n, err := strconv.Atoi(strings.TrimPrefix(id, "m"))
	if err != nil || n < 0 || n >= len(s.uploads) {
		return http.StatusNotFound, map[string]any{"error": "Record not found"}
	}
	body := map[string]any{"id": id, "type": "image", "url": nil}
	if s.working > 0 {
		s.working--
		return working, body
	}
	body["url"] = s.URL + "/files/" + id
	return http.StatusOK, body
}
