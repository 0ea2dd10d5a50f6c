import type { Sql } from '../db/sql.ts'

/** Starts those of these runs, just queued in the transaction of `sql`, for which there is a place here. */
export type Start = (sql: Sql, runIds: string[]) => Promise<void>

/**
 * Does `work`, which queues runs in a transaction and commits it. What it starts in that transaction begins once the work
 * is done: one commit from being asked for to the start, in place of two and a notification. What finds no place here is
 * found by whoever has one.
 */
export type StartHere = <Result>(work: (start: Start) => Promise<Result>) => Promise<Result>

/** Of a process in which no engine works. */
export const startNothing: StartHere = (work) => work(async () => {})
