// Package interaction holds the words of the house: what an interaction, a
// task, a message and an agent are, which states they can be in and which
// transitions are allowed, the errors people meet, the contract between
// workflows and the rest, and the seam that channel adapters are built on.
//
// It imports the standard library only. Every other package speaks in its
// types, so that none of them needs to know another.
package interaction
