/** The pages on which visitors sign in to a site, and out. They need no script and may do nothing but send their form. Pure. */
import { createHash } from 'node:crypto'
import { escapeHtml } from './render.ts'

const STYLE = `
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: #222; background: #f4f4f2 }
main { max-width: 22rem; margin: 15vh auto 0; padding: 24px; background: #fff; border: 1px solid #ddd; border-radius: 8px }
h1 { margin: 0 0 8px; font-size: 20px }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit }
input, button { margin: 4px 0 16px; padding: 8px 12px; border: 1px solid #767676; border-radius: 4px }
button { margin: 0; color: #fff; background: #1f4fa8; border-color: #1f4fa8 }
input:focus-visible, button:focus-visible { outline: 3px solid #f0a000; outline-offset: 2px }
[role=alert] { color: #a11; font-weight: 600 }
`

export const SIGN_IN_POLICY = [
  `default-src 'none'`,
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  `form-action 'self'`,
  `frame-ancestors 'none'`,
  `base-uri 'none'`,
].join('; ')

const page = (title: string, body: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`

/** `root`: path of the site's root; `to`: path to go on to; `problem`: what was wrong with what was sent before. */
export const signInPage = ({ root, to, problem }: { root: string; to: string; problem?: string | undefined }): string =>
  page(
    'Sign in',
    `<p id="hint">A Runsheet token that may read this site opens it in this browser.</p>
${problem ? `<p role="alert">${escapeHtml(problem)}</p>\n` : ''}<form method="post" action="${escapeHtml(root)}.runsheet/sign-in">
<input type="hidden" name="to" value="${escapeHtml(to)}">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus aria-describedby="hint">
<button>Sign in</button>
</form>`,
  )

export const signOutPage = (root: string): string =>
  page(
    'Sign out',
    `<p>This browser will no longer open the site.</p>
<form method="post" action="${escapeHtml(root)}.runsheet/sign-out"><button>Sign out</button></form>`,
  )
