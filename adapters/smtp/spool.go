package smtp

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"parley/lib/mail"
)

// inMemory is how much of a mail is kept in memory; the rest goes to a file.
const inMemory = 256 << 10

// spooled is a mail that was received: its beginning in memory, the rest in a
// file without a name, which is gone with the process whatever happens.
type spooled struct {
	memory bytes.Buffer
	file   *os.File // nil for a small mail
	size   int64
	hash   *mail.CRLFHash
}

// receive reads a mail to its end. The answer is never nil and must be closed, after an error too.
func receive(r io.Reader, dir string) (*spooled, error) {
	s := &spooled{hash: mail.NewCRLFHash()}
	r = io.TeeReader(r, s.hash)
	n, err := io.Copy(&s.memory, io.LimitReader(r, inMemory))
	s.size = n
	if err != nil || n < inMemory {
		return s, err
	}
	n, err = io.Copy(&overflow{s, dir}, r)
	s.size += n
	if err != nil {
		return s, err
	}
	return s, s.rewind()
}

// overflow writes what does not fit into memory.
type overflow struct {
	*spooled
	dir string
}

// Write makes the file with the first piece. It loses its name at once.
func (o *overflow) Write(piece []byte) (int, error) {
	if o.file == nil {
		f, err := os.CreateTemp(o.dir, "parley-mail-*") // mode 0600
		if err != nil {
			return 0, fmt.Errorf("spool: %w", err)
		}
		o.file = f
		if err := os.Remove(f.Name()); err != nil {
			return 0, fmt.Errorf("spool: %w", err)
		}
	}
	n, err := o.file.Write(piece)
	if err != nil {
		return n, fmt.Errorf("spool: %w", err)
	}
	return n, nil
}

func (s *spooled) rewind() error {
	if s.file == nil {
		return nil
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

// head is the beginning of the mail.
func (s *spooled) head() []byte { return s.memory.Bytes() }

// identity names the mail by its content.
func (s *spooled) identity() [32]byte { return s.hash.Sum() }

// reader gives the whole mail, once.
func (s *spooled) reader() io.Reader {
	if s.file == nil {
		return bytes.NewReader(s.memory.Bytes())
	}
	return io.MultiReader(bytes.NewReader(s.memory.Bytes()), s.file)
}

func (s *spooled) close() {
	if s.file != nil {
		s.file.Close()
	}
}
