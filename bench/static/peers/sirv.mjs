/** Serves the folder that is given on the port that is given, as sirv does it best: it looks at the folder once. */
import { createServer } from 'node:http'
import sirv from 'sirv'

const [folder, port] = process.argv.slice(2)
createServer(sirv(folder, { etag: true, maxAge: 0 })).listen(Number(port), '127.0.0.1')
