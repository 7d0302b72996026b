// Reads a ledger's folder with golang.org/x/mod's tlog and note, which know nothing of this project:
// the checkpoint's signature, every tile against the root, every entry against its tile, and the
// proofs of proofs.json where it is there.
// usage: read FOLDER
package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height     = 8    // of a tile: 256 hashes
	ecdsaP256  = 0x02 // the signed note's type of key
	perBundle  = 1 << height
	proofsFile = "proofs.json"
)

type verifier struct {
	name string
	hash uint32
	key  *ecdsa.PublicKey
}

func (v *verifier) Name() string    { return v.name }
func (v *verifier) KeyHash() uint32 { return v.hash }
func (v *verifier) Verify(msg, sig []byte) bool {
	digest := sha256.Sum256(msg)
	return ecdsa.VerifyASN1(v.key, digest[:], sig)
}

// note.NewVerifier knows Ed25519 alone.
func newVerifier(vkey string) (*verifier, error) {
	parts := strings.SplitN(strings.TrimSpace(vkey), "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("vkey: not name+hash+key")
	}
	hash, err := strconv.ParseUint(parts[1], 16, 32)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) < 2 || key[0] != ecdsaP256 {
		return nil, errors.New("vkey: not an ECDSA key")
	}
	id := sha256.Sum256(key[1:])
	if binary.BigEndian.Uint32(id[:4]) != uint32(hash) {
		return nil, errors.New("vkey: its hash is another's")
	}
	public, err := x509.ParsePKIXPublicKey(key[1:])
	if err != nil {
		return nil, err
	}
	ec, ok := public.(*ecdsa.PublicKey)
	if !ok {
		return nil, errors.New("vkey: not an ECDSA key")
	}
	return &verifier{parts[0], uint32(hash), ec}, nil
}

// The checkpoint is tlog's tree with another first line.
func openCheckpoint(text []byte, v *verifier) (tlog.Tree, error) {
	opened, err := note.Open(text, note.VerifierList(v))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != v.name || lines[3] != "" {
		return tlog.Tree{}, errors.New("checkpoint: not origin, size, root")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// C2SP's paths leave the height out, and name bundles of entries "entries".
func pathOf(t tlog.Tile) string {
	path := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", height))
	path = strings.TrimPrefix(path, "data/")
	if t.L == -1 {
		return "tile/entries/" + path
	}
	return "tile/" + path
}

type folder string

func (f folder) Height() int                     { return height }
func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (f folder) read(t tlog.Tile) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(f), pathOf(t)))
}
func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for i, t := range tiles {
		data, err := f.read(t)
		if err != nil {
			return nil, err
		}
		all[i] = data
	}
	return all, nil
}

// The entries of a bundle: each two bytes of length, then the entry.
func split(bundle []byte) ([][]byte, error) {
	var entries [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
			return nil, errors.New("a bundle is cut off")
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		entries = append(entries, bundle[2:end])
		bundle = bundle[end:]
	}
	return entries, nil
}

func checkEntries(f folder, tree tlog.Tree, reader tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += perBundle {
		width := tree.N - first
		if width > perBundle {
			width = perBundle
		}
		bundle, err := f.read(tlog.Tile{H: height, L: -1, N: first / perBundle, W: int(width)})
		if err != nil {
			return err
		}
		entries, err := split(bundle)
		if err != nil {
			return err
		}
		if int64(len(entries)) != width {
			return fmt.Errorf("bundle of entry %d holds %d entries, not %d", first, len(entries), width)
		}
		indexes := make([]int64, width)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		hashes, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i, entry := range entries {
			if tlog.RecordHash(entry) != hashes[i] {
				return fmt.Errorf("entry %d is not the one in its tile", first+int64(i))
			}
		}
	}
	return nil
}

type proofs struct {
	Size       int64
	Checkpoint string
	Inclusion  []struct {
		Index  int64
		Entry  []byte
		Hashes []tlog.Hash
	}
	Consistency []struct {
		OldSize int64 `json:"old_size"`
		Hashes  []tlog.Hash
	}
}

// What the ledger proves holds by tlog's checks, and is what tlog proves from the tiles.
func checkProofs(f folder, tree tlog.Tree, v *verifier, reader tlog.HashReader) (int, error) {
	data, err := os.ReadFile(filepath.Join(string(f), proofsFile))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	var p proofs
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil {
		return 0, err
	}
	shown, err := openCheckpoint([]byte(p.Checkpoint), v)
	if err != nil || shown != tree || p.Size != tree.N {
		return 0, fmt.Errorf("the checkpoint published is not the one proved by: %v", err)
	}
	for _, one := range p.Inclusion {
		leaf := tlog.RecordHash(one.Entry)
		if err := tlog.CheckRecord(one.Hashes, tree.N, tree.Hash, one.Index, leaf); err != nil {
			return 0, fmt.Errorf("inclusion of %d: %v", one.Index, err)
		}
		theirs, err := tlog.ProveRecord(tree.N, one.Index, reader)
		if err != nil || !same(theirs, one.Hashes) {
			return 0, fmt.Errorf("inclusion of %d is proved otherwise: %v", one.Index, err)
		}
	}
	for _, one := range p.Consistency {
		old, err := tlog.TreeHash(one.OldSize, reader)
		if err == nil {
			err = tlog.CheckTree(one.Hashes, tree.N, tree.Hash, one.OldSize, old)
		}
		if err != nil {
			return 0, fmt.Errorf("consistency from %d: %v", one.OldSize, err)
		}
	}
	return len(p.Inclusion) + len(p.Consistency), nil
}

func same(a, b []tlog.Hash) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i][:], b[i][:]) {
			return false
		}
	}
	return true
}

func run(f folder) error {
	vkey, err := os.ReadFile(filepath.Join(string(f), "vkey"))
	if err != nil {
		return err
	}
	v, err := newVerifier(string(vkey))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(string(f), "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(text, v)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, f)
	if err := checkEntries(f, tree, reader); err != nil {
		return err
	}
	checked, err := checkProofs(f, tree, v, reader)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d entries and %d proofs hold under its checkpoint\n", v.name, tree.N, checked)
	return nil
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: read FOLDER")
		os.Exit(2)
	}
	if err := run(folder(os.Args[1])); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
