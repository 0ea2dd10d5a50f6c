/**
 * A body of any size, in a file that is gone when it is let go: however slow its sender is, it takes neither memory nor
 * a connection to the database meanwhile.
 */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'

const CHUNK_BYTES = 1024 * 1024

export type Received = {
  /** SHA-256 in hex. */
  digest: string
  sizeBytes: number
  read(): AsyncIterable<Buffer>
  discard(): Promise<void>
}

/** Rejects with what `body` throws; then nothing is left of it. */
export async function receive(body: AsyncIterable<Buffer>): Promise<Received> {
  const folder = await mkdtemp(path.join(tmpdir(), 'runsheet-upload-'))
  const discard = () => rm(folder, { recursive: true, force: true })
  const file = path.join(folder, 'content')
  const hash = createHash('sha256')
  let sizeBytes = 0
  async function* hashed() {
    for await (const chunk of body) {
      hash.update(chunk)
      sizeBytes += chunk.length
      yield chunk
    }
  }
  try {
    await pipeline(hashed(), createWriteStream(file, { mode: 0o600 }))
  } catch (error) {
    await discard()
    throw error
  }
  return {
    digest: hash.digest('hex'),
    sizeBytes,
    read: () => createReadStream(file, { highWaterMark: CHUNK_BYTES }),
    discard,
  }
}
