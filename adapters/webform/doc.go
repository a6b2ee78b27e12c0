// Package webform takes messages from web forms: a page of any site posts to it as JSON or as a browser's form with files, or shows the small page that comes with it.
//
// A message becomes a mail, with the fields as its headers, and goes the way of mail from there on: the same commit before the answer, parser,
// contact, thread, rules and attachments.
package webform
