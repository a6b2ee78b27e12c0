package api

import (
	"crypto/sha256"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"parley/interaction"
)

// maxUpload is how large one file may be, in bytes; a form around it may have some more.
const (
	maxUpload = 10 << 20
	formRoom  = 64 << 10
)

// upload takes one file, as the part "file" of a multipart form, and answers with the id to attach it by.
func (s *server) upload(c *gin.Context) error {
	name, data, err := readUpload(c)
	if err != nil {
		return err
	}
	mediaType := sniff(name, data)
	sum := sha256.New()
	sum.Write([]byte(name))
	sum.Write([]byte{0})
	sum.Write(data)
	if err := s.once(c, [32]byte(sum.Sum(nil))); err != nil {
		return err
	}
	ctx := c.Request.Context()
	file, err := s.SaveUpload(ctx, actorOf(ctx), name, mediaType, data)
	if err != nil {
		return err
	}
	mark(ctx)
	c.JSON(http.StatusCreated, Upload{file.Upload, file.Name, file.Type, file.Size, file.SHA256})
	return nil
}

// Upload is a file that can be attached.
type Upload struct {
	ID     interaction.ID `json:"id"`
	Name   string         `json:"name"`
	Type   string         `json:"type" doc:"told by its content"`
	Size   int64          `json:"size"`
	SHA256 string         `json:"sha256"`
}

func readUpload(c *gin.Context) (name string, data []byte, err error) {
	if c.Request.ContentLength > maxUpload+formRoom {
		return "", nil, tooLarge(maxUpload)
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxUpload+formRoom)
	form, err := c.Request.MultipartReader()
	if err != nil {
		return "", nil, refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "Content-Type", "send multipart/form-data with one part named file")
	}
	found := false
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) && found {
			return name, data, nil
		}
		if errors.Is(err, io.EOF) {
			return "", nil, interaction.Invalid("required", "file", "is required: a part with a file name")
		}
		if err != nil {
			return "", nil, readError(err, maxUpload)
		}
		if part.FormName() != "file" || found {
			return "", nil, malformed("unknown_field", clip(part.FormName()), "the form has one part, named file")
		}
		found = true
		if name, data, err = readPart(part); err != nil {
			return "", nil, err
		}
	}
}

func readPart(part *multipart.Part) (string, []byte, error) {
	name := fileName(part.FileName())
	data, err := io.ReadAll(io.LimitReader(part, maxUpload+1))
	switch {
	case err != nil:
		return "", nil, readError(err, maxUpload)
	case len(data) > maxUpload:
		return "", nil, tooLarge(maxUpload)
	case len(data) == 0:
		return "", nil, interaction.Invalid("empty_file", "file", "is empty")
	}
	return name, data, nil
}

// fileName makes a name that can stand in a header and a file system: no path, no control characters, at most 200 bytes.
func fileName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, name)
	for len(name) > 200 {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	if name == "" || name == "." || name == "/" || name == ".." {
		return "file"
	}
	return name
}

// officeTypes are kinds of zip files and texts that the content alone does not tell apart.
var officeTypes = map[string]map[string]string{
	"application/zip": {
		".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
		".odt":  "application/vnd.oasis.opendocument.text",
		".ods":  "application/vnd.oasis.opendocument.spreadsheet",
	},
	"text/plain; charset=utf-8": {".csv": "text/csv; charset=utf-8", ".ics": "text/calendar; charset=utf-8"},
}

// sniff tells the media type by the content; the name only chooses among types that look the same.
func sniff(name string, data []byte) string {
	found := http.DetectContentType(data)
	if finer, ok := officeTypes[found][strings.ToLower(path.Ext(name))]; ok {
		return finer
	}
	return found
}
