/** Ids of Kragle are the integers that PostgreSQL counts with. Pure. */

const MOST = 2 ** 31 - 1

/** Null: it is the id of nothing. */
export const asNumber = (said: number): number | null =>
  Number.isInteger(said) && said > 0 && said <= MOST ? said : null

/** The id in a path. Null: it is the id of nothing. */
export const numberIn = (said: string): number | null => (/^\d{1,10}$/.test(said) ? asNumber(Number(said)) : null)
