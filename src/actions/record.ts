/** A call as it happened → as it is kept. */
import { newId } from '../kernel/ids.ts'
import type { DeliveryRecord } from '../runs/transition/steps.ts'
import type { Delivery } from './driver.ts'

/** Text that PostgreSQL can keep: it has no NUL. */
const storable = (text: string) => text.replaceAll('\0', '')

export function recordOf({ responseBody, responseHeaders, ...delivery }: Delivery): DeliveryRecord {
  return {
    ...delivery,
    id: newId(),
    responseHeaders:
      delivery.status === null
        ? null
        : Object.fromEntries(Object.entries(responseHeaders).map(([name, value]) => [name, storable(value)])),
    responseBody: delivery.status === null ? null : responseBody.toString('base64'),
  }
}
