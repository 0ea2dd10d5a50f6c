/** The words of a page of HTML, for those who read plain text. One pass, whatever the page is like. Pure. */
import { Parser } from 'htmlparser2'

const UNSEEN = new Set(
  'audio head iframe math noscript object script select style svg template textarea title video'.split(' '),
)
const BLOCKS = new Set(
  'address article aside blockquote body dd details div dl dt fieldset figcaption figure footer form header html li main nav section summary table tbody tfoot thead tr'.split(
    ' ',
  ),
)
/** A blank line stands before and after these. */
const PARAGRAPHS = new Set('h1 h2 h3 h4 h5 h6 hr ol p pre ul'.split(' '))

/** Of what is nested deeper than this nothing is read, nor of what comes after: the parser's time grows with the square. */
const MAX_DEPTH = 1000

/** Links are followed by their address, items of a list begin with a dash, cells of a table are parted by bars. */
export function textOfHtml(html: string): string {
  const page = createPage()
  const links: { href: string; from: number }[] = []
  /** The outermost element that is not shown, and how often it is open. */
  let unseen = { name: '', depth: 0 }
  let pre = 0
  let depth = 0

  const parser = new Parser({
    onopentag(name, attributes) {
      depth += 1
      if (depth > MAX_DEPTH) return parser.pause()
      if (unseen.depth > 0 || UNSEEN.has(name)) {
        if (unseen.depth === 0) unseen.name = name
        if (unseen.name === name) unseen.depth += 1
        return
      }
      if (BLOCKS.has(name)) page.breakLine(1)
      if (PARAGRAPHS.has(name)) page.breakLine(2)
      if (name === 'br') page.write('\n')
      if (name === 'li') page.write('- ')
      if (name === 'td' || name === 'th') page.cell()
      if (name === 'img' && attributes.alt) page.words(attributes.alt)
      if (name === 'pre') pre += 1
      if (name === 'a') links.push({ href: attributes.href ?? '', from: page.length() })
    },
    ontext(text) {
      if (unseen.depth > 0) return
      if (pre > 0) page.write(text)
      else page.words(text)
    },
    onclosetag(name) {
      depth -= 1
      if (unseen.depth > 0) {
        if (unseen.name === name) unseen = { name, depth: unseen.depth - 1 }
        return
      }
      if (BLOCKS.has(name)) page.breakLine(1)
      if (PARAGRAPHS.has(name)) page.breakLine(2)
      if (name === 'pre') pre = Math.max(0, pre - 1)
      const link = name === 'a' ? links.pop() : undefined
      if (link && /^(https?|mailto):/i.test(link.href) && !page.endsWith(link.href, link.from)) {
        page.write(` (${link.href})`)
      }
    },
  })
  parser.end(html)
  return page.text()
}

/** What parts two words at most: two line breaks. */
const MAX_BREAK_CHARS = 2

/** A text that grows; breaks count only once there is something on both sides. */
function createPage() {
  const pieces: string[] = []
  let length = 0
  let last = '\n'
  let breaks = 0
  let blank = false
  /** Whether a cell stands in this line already. */
  let inRow = false

  function put(text: string) {
    if (text === '') return
    pieces.push(text)
    length += text.length
    last = text.at(-1) ?? last
  }

  function write(text: string) {
    if (breaks > 0) {
      if (length > 0) put('\n'.repeat(breaks))
    } else if (blank && !/\s/.test(last)) put(' ')
    breaks = 0
    blank = false
    put(text)
  }

  return {
    write,
    /** White space is one blank. */
    words(text: string) {
      if (/^\s/.test(text)) blank = true
      const squeezed = text.trim().replace(/\s+/g, ' ')
      if (squeezed === '') return
      write(squeezed)
      blank = /\s$/.test(text)
    },
    breakLine(lines: number) {
      inRow = false
      breaks = Math.max(breaks, lines)
    },
    cell() {
      if (inRow) write(' | ')
      inRow = true
    },
    length: () => length,
    /** Whether what was written since `from` is this text, but for white space before it. */
    endsWith(text: string, from: number): boolean {
      if (length - from > text.length + MAX_BREAK_CHARS) return false
      const since: string[] = []
      for (let start = length; start > from; ) {
        const piece = pieces[pieces.length - 1 - since.length] ?? ''
        since.unshift(piece)
        start -= piece.length
      }
      return since.join('').trim() === text
    },
    text: () => pieces.join('').trim(),
  }
}
