// A message centre by npm smpp. It prints its port, then each submit_sm as a line of JSON. A text that begins with "say " is delivered back without
// these four letters, in UCS-2 if it has to be and in parts if it is long; every message that asks for one gets its receipt, with the id in decimal.
import smpp from 'smpp'

const server = smpp.createServer({}, (session) => {
	session.on('error', () => {})
	session.on('bind_transceiver', (pdu) => session.send(pdu.response({ system_id: 'node', command_status: pdu.password === 'secret' ? 0 : 0x0e })))
	session.on('enquire_link', (pdu) => session.send(pdu.response()))
	session.on('unbind', (pdu) => {
		session.send(pdu.response())
		session.close()
	})
	let id = 0x2a0
	let whole = '' // what the parts of a long message say so far; they come in their order
	session.on('deliver_sm_resp', (pdu) => console.log(JSON.stringify({ answered: pdu.command_status })))
	session.on('submit_sm', (pdu) => {
		const text = pdu.short_message.message ?? pdu.message_payload?.message ?? ''
		const udh = pdu.short_message.udh ? pdu.short_message.udh.map((part) => Buffer.from(part).toString('hex')) : []
		id++
		console.log(JSON.stringify({ to: pdu.destination_addr, from: pdu.source_addr, coding: pdu.data_coding, text: text.toString(), udh }))
		session.send(pdu.response({ message_id: id.toString(16) }))
		const back = { source_addr: pdu.destination_addr, source_addr_ton: 1, source_addr_npi: 1, destination_addr: pdu.source_addr }
		if (pdu.registered_delivery) {
			session.deliver_sm({ ...back, esm_class: 4, short_message: `id:${id} sub:001 dlvrd:001 submit date:2603010900 done date:2603010901 stat:DELIVRD err:000 text:` })
		}
		const [, , , total, part] = pdu.short_message.udh?.[0] ?? [0, 0, 0, 1, 1] // an element is its id, its length, the reference and these
		whole = part === 1 ? text.toString() : whole + text.toString()
		if (part !== total || !whole.startsWith('say ')) return
		const words = whole.slice(4)
		back.data_coding = { ASCII: 0, LATIN1: 3, UCS2: 8 }[smpp.encodings.detect(words)] // left alone it says ASCII and writes GSM 7-bit
		if (words.length <= 40) {
			session.deliver_sm({ ...back, short_message: words })
			return
		}
		const parts = words.match(/.{1,40}/gsu)
		for (const [n, part] of parts.entries()) {
			session.deliver_sm({ ...back, esm_class: 0x40, short_message: { udh: Buffer.from([5, 0, 3, 7, parts.length, n + 1]), message: part } })
		}
	})
})
server.on('error', () => {})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
