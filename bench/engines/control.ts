/** The parent's side of `program.ts`: starts an engine in a process of its own and asks it for things. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { end } from '../kit/processes.ts'
import type { Commands } from './program.ts'

export type Program = {
  pid: number
  ask<Name extends keyof Commands>(name: Name, args: Commands[Name]['args']): Promise<Commands[Name]['answer']>
  end(signal?: NodeJS.Signals): Promise<void>
}

/** Such as `--cpu-prof`. */
const NODE_ARGS = process.env.NODE_ARGS?.split(' ') ?? []

/** `file`: beside this one. Rejects when the program ends instead of answering. */
export async function startProgram(file: string, env: Record<string, string>): Promise<Program> {
  const child = fork(path.join(import.meta.dirname, file), {
    env: { ...process.env, ...env },
    execArgv: NODE_ARGS,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`${file} ended with ${code}`)
  })
  gone.catch(() => {})
  const message = async () => (await Promise.race([once(child, 'message'), gone]))[0]
  await message()
  return {
    pid: child.pid ?? Number.NaN,
    async ask(name, args) {
      child.send({ name, args })
      const { value, error } = await message()
      if (error) throw new Error(`${file}: ${error}`)
      return value
    },
    end: (signal) => end(child, signal),
  }
}
