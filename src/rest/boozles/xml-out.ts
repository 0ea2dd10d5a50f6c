/** XML as it is answered: elements with text, one a line. What is made here is always well-formed. Pure. */

/** What XML 1.0 has no way to say: some control characters, and halves of surrogate pairs. */
const UNSAYABLE = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu

/** A carriage return would be read as the end of a line. */
const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' }

/** Whether XML can say this text at all. */
export const isSayable = (text: string): boolean => text.search(UNSAYABLE) < 0

const escaped = (text: string) => text.replace(UNSAYABLE, '\ufffd').replace(/[&<>\r]/g, (char) => ESCAPES[char] ?? '')

/** `<name>text</name>`; the name is one of ours. */
export const element = (name: string, text: string): string => `<${name}>${escaped(text)}</${name}>`

/** An element of elements, which are given by name and text; without a text there is none. */
export function parent(name: string, children: readonly (readonly [string, string | undefined])[]): string {
  const lines = children.flatMap(([child, text]) => (text === undefined ? [] : [`  ${element(child, text)}\n`]))
  return lines.length === 0 ? `<${name}></${name}>` : `<${name}>\n${lines.join('')}</${name}>`
}
