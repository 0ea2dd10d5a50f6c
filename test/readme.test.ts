/** The README is true: its commands run, and answer what it shows. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ADMIN_TOKEN, createTestApp, type TestApp } from './support/app.ts'

const README = path.join(import.meta.dirname, '../README.md')
let app: TestApp
let folder: string

beforeAll(async () => {
  app = await createTestApp()
  folder = await mkdtemp(path.join(tmpdir(), 'runsheet-readme-'))
  await mkdir(path.join(folder, '.runsheet'))
  await writeFile(path.join(folder, '.runsheet/admin-token'), ADMIN_TOKEN)
})
afterAll(async () => {
  await app.stop()
  await rm(folder, { recursive: true, force: true })
})

/** The shape of an answer: its keys, and the values that do not change from run to run. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf)
  if (typeof value === 'object' && value !== null) {
    const shapes = Object.entries(value).map(([key, inner]) => [key, key === 'duration_ms' ? 'varies' : shapeOf(inner)])
    return Object.fromEntries(shapes)
  }
  return typeof value === 'string' &&
    /^(\w{3}_[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-.*Z|\d+|http:.*)$/.test(value)
    ? 'varies'
    : value
}

it('runs the commands of the README by hand, and gets the answers that it shows', async () => {
  const text = await readFile(README, 'utf8')
  const commands = [...text.matchAll(/<!-- run -->\n```sh\n([\s\S]*?)```/g)].map(([, block]) => block)
  const shown = [...text.matchAll(/```json\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.trim().split('\n'))
  expect(commands.length).toBe(6)

  const script = commands.join('\n').replace('http://localhost:4000', app.url)
  const { stdout } = await promisify(execFile)('bash', ['-euc', script], { cwd: folder })
  const lines = stdout.split('\n')
  const answers = lines.filter((line) => line.startsWith('{'))
  expect(answers.map((line) => shapeOf(JSON.parse(line)))).toEqual(shown.map((line) => shapeOf(JSON.parse(line))))

  const events = lines
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)).data.runEvents)
  expect(events.map(({ __typename, seq }) => `${seq} ${__typename}`)).toEqual(
    expect.arrayContaining(['1 RunQueued', '2 RunStarted', '3 StepStarted', '4 StepFinished', '5 RunSucceeded']),
  )
})

it('names on its first screen the two commands that a newcomer needs', async () => {
  const firstScreen = (await readFile(README, 'utf8')).split('\n').slice(0, 20).join('\n')
  expect(firstScreen).toContain('npm ci && npm run demo')
  expect(firstScreen).toContain('npm ci && npm test')
})
