// A Bot API by npm telegram-test-api at the port and for the token that it is called with. It says "up"; each line that it reads is said to the bot by a customer, and each
// message of the bot's is a line of JSON.
import { createInterface } from 'node:readline'
import TelegramServer from 'telegram-test-api'

const [port, token] = process.argv.slice(2)
const server = new TelegramServer({ port: Number(port), host: '127.0.0.1', storage: 'RAM', storeTimeout: 3600 })
await server.start()
const client = server.getClient(token)
console.log('up')
createInterface({ input: process.stdin }).on('line', (line) => client.sendMessage(client.makeMessage(line)))
let told = 0
setInterval(() => {
	const list = server.storage.botMessages
	for (; told < list.length; told++) console.log(JSON.stringify(list[told].message))
}, 20)
