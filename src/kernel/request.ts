/** What is known of the request that is being answered, wherever that is asked: for its log line and its errors. */
import { AsyncLocalStorage } from 'node:async_hooks'

export const currentRequest = new AsyncLocalStorage<{ id: string }>()
