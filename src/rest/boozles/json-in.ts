/** JSON as clients send it: a comma behind the last field or item is passed over, all else is as the standard has it. Pure. */

/** Throws SyntaxError. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return JSON.parse(withoutTrailingCommas(text))
  }
}

const isBlank = (char: string) => char === ' ' || char === '\n' || char === '\r' || char === '\t'

/** In one pass: whatever else is wrong with the text stays so. */
function withoutTrailingCommas(text: string): string {
  let kept = ''
  let from = 0
  let comma = -1
  let last = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? ''
    if (isBlank(char)) continue
    if ((char === '}' || char === ']') && comma >= 0) {
      kept += text.slice(from, comma)
      from = comma + 1
    }
    // A comma behind nothing is no trailing one.
    comma = char === ',' && !['', '{', '[', ','].includes(last) ? at : -1
    if (char === '"') at = endOfString(text, at)
    last = char
  }
  return kept + text.slice(from)
}

function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at
}
