/** What a mail looks like: the author's words, what they are about, and who sends them. Nothing in it is fetched. Pure. */
import { textOfHtml } from './render.ts'

export type Letter = {
  subject: string
  /** The author's; one of the two, or both. */
  text?: string | undefined
  html?: string | undefined
  /** The artifact that it is about. */
  link: { name: string; url: string } | null
  /** Words of the artifact's page, already cut to what a mail should hold. */
  excerpt: string | null
  /** Which job sent it: one line. */
  footer: string
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')

/** `html` is the author's own markup and stands as it is; all else is text, and escaped. */
export function layOut(letter: Letter): { text: string; html: string } {
  const { text, html, link, excerpt, footer } = letter
  const words = (text ?? textOfHtml(html ?? '')).trim()
  const parts = [words, link && `${link.name}: ${link.url}`, excerpt?.trim(), `-- \n${footer}`]
  const extras = [link && linkOf(link), excerpt && quoteOf(excerpt), footerOf(footer)].filter(Boolean).join('\n')
  return {
    text: `${parts.filter(Boolean).join('\n\n')}\n`,
    html: withExtras(letter.subject, html ?? paragraphs(words), extras),
  }
}

const linkOf = ({ name, url }: { name: string; url: string }) => `<p><a href="${escaped(url)}">${escaped(name)}</a></p>`

const quoteOf = (excerpt: string) =>
  `<div style="border-left:3px solid #ddd;padding-left:12px;color:#444">\n${paragraphs(excerpt.trim())}\n</div>`

const footerOf = (footer: string) =>
  `<p style="margin-top:32px;padding-top:8px;border-top:1px solid #ddd;font-size:13px;color:#666">${escaped(footer)}</p>`

/** A blank line parts paragraphs. */
function paragraphs(text: string): string {
  const found: string[][] = [[]]
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() !== '') found.at(-1)?.push(escaped(line))
    else if (found.at(-1)?.length) found.push([])
  }
  return found.map((lines) => `<p>${lines.join('<br>\n')}</p>`).join('\n')
}

/** An author who writes a whole document has its looks in hand: only what must be said goes in, at its end. */
function withExtras(title: string, body: string, extras: string): string {
  if (!/<(!doctype|html|body)[\s>]/i.test(body)) return documentOf(title, `${body}\n${extras}`)
  const end = [...body.matchAll(/<\/body\s*>/gi)].at(-1)?.index ?? body.length
  return `${body.slice(0, end)}\n${extras}\n${body.slice(end)}`
}

const documentOf = (title: string, body: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
</head>
<body style="margin:0;padding:16px;background:#fff;color:#222;font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif">
<div style="max-width:640px;margin:0 auto">
${body}
</div>
</body>
</html>
`
