// Package telegram is the way in and out for bots of Telegram, by its Bot API (https://core.telegram.org/bots/api, version 9.2).
//
// Updates are fetched under the link's lease. The API forgets an update once a later one is asked for, so that is done only behind the commit of all before it: a
// process that dies in between gets them again, and they are repeats. (Known client libraries confirm an update before anybody has handled it, which is why the
// few methods that are needed are called here directly.) With a webhook Telegram calls us instead, with a secret that only the two of us know.
//
// Nothing here logs a URL of the API: the bot's token is part of it.
package telegram
