package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/gin-gonic/gin"

	"parley/interaction"
	"parley/lib/files"
)

// maxUpload is how large one file may be, in bytes; a form around it may have some more.
const (
	maxUpload = 10 << 20
	formRoom  = 64 << 10
)

// upload takes one file, as the part "file" of a multipart form, and answers with the id to attach it by.
func (s *server) upload(c *gin.Context) error { return s.keepUpload(c, s.SaveUpload) }

// keepUpload reads a file and has it kept.
func (s *server) keepUpload(c *gin.Context, keep func(ctx context.Context, by interaction.Actor, name, mediaType string, data []byte) (interaction.File, error)) error {
	name, data, err := readUpload(c)
	if err != nil {
		return err
	}
	mediaType := files.Type(name, data)
	sum := sha256.New()
	sum.Write([]byte(name))
	sum.Write([]byte{0})
	sum.Write(data)
	if err := s.once(c, [32]byte(sum.Sum(nil))); err != nil {
		return err
	}
	ctx := c.Request.Context()
	file, err := keep(ctx, actorOf(ctx), name, mediaType, data)
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
	name := files.Name(part.FileName())
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
