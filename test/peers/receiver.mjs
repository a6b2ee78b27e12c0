// A mail server that does what the address of the recipient says: CODE-AT[-once]@…, e.g. rcpt-550@, data-451-once@; dot-close@ takes the mail and closes
// without an answer, dot-slow@ answers after 300 ms. Each mail that it took is one line of JSON on standard output; the first line is its port.
// With the mode dkim, and public keys by the names of their records as JSON behind it, the line tells what a verifier says of the signature.
import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import { SMTPServer } from 'smtp-server'

const said = new Set()

// What an address asks for at a step: an answer's code, a word, or nothing.
function wish(step, address) {
	const [at, what, once] = address.split('@')[0].split('-')
	if (at !== step) return ''
	if (once && said.has(address)) return ''
	said.add(address)
	return what
}

function refusal(code) {
	const error = new Error(`${code[0]}.${code === '550' ? '1.1' : '7.1'} said ${code}`)
	error.responseCode = Number(code)
	return error
}

const mode = process.argv[2] ?? 'plain'
const keys = mode === 'dkim' ? JSON.parse(process.argv[3]) : {}

// What a verifier that knows only those keys finds: "result domain" of each signature.
async function verified(raw) {
	const resolver = async (name) => {
		if (!keys[name]) throw Object.assign(new Error('no such record'), { code: 'ENOTFOUND' })
		return [[keys[name]]]
	}
	const { results } = await dkimVerify(raw, { resolver })
	return results.map((r) => `${r.status.result} ${r.signingDomain ?? ''}`.trim())
}
const server = new SMTPServer({
	authOptional: mode !== 'auth',
	allowInsecureAuth: true,
	authMethods: mode === 'auth' && process.argv[3] ? [process.argv[3]] : ['PLAIN', 'LOGIN'],
	disabledCommands: mode === 'tls' ? [] : ['STARTTLS'],
	size: 1_000_000,
	closeTimeout: 100,
	onAuth(auth, _session, done) {
		done(auth.username === 'u' && auth.password === 'p' ? null : refusal('535'), { user: 'u' })
	},
	onMailFrom(address, _session, done) {
		const code = wish('mail', address.address)
		done(code ? refusal(code) : null)
	},
	onRcptTo(address, _session, done) {
		const code = wish('rcpt', address.address)
		done(code ? refusal(code) : null)
	},
	onData(stream, session, done) {
		const pieces = []
		stream.on('data', (piece) => pieces.push(piece))
		stream.on('end', async () => {
			if (stream.sizeExceeded) return done(refusal('552'))
			const to = session.envelope.rcptTo.map((r) => r.address)
			const what = to.map((a) => wish('dot', a)).find(Boolean) ?? ''
			if (/^\d/.test(what)) return done(refusal(what))
			const raw = Buffer.concat(pieces)
			const text = raw.toString('latin1')
			const dkim = mode === 'dkim' ? await verified(raw) : []
			console.log(JSON.stringify({ to, id: /^Message-ID: <(.*)>\r$/im.exec(text)?.[1], secure: session.secure, size: text.length, dkim }))
			if (what === 'close') return server.connections.forEach((c) => c._socket.destroy())
			setTimeout(done, what === 'slow' ? 300 : 0)
		})
	},
})
server.on('error', () => {})
server.listen(0, '127.0.0.1', () => console.log(server.server.address().port))
