import type { SMTPServerOptions } from 'smtp-server'
import { describe, expect, test } from 'vitest'
import { certificate, refusing, send, startMailServer, startScripted } from './servers.ts'

const mailError = (part: object) => expect.objectContaining({ name: 'MailError', ...part })

describe('handing over', () => {
  test('one message reaches all recipients, and each has a receipt in the server’s words', async () => {
    const server = await startMailServer()
    const to = ['ann@example.org', 'bob@example.org']
    const outcome = await send({ url: `smtp://127.0.0.1:${server.port}` }, { to })
    expect(server.arrived).toMatchObject([{ from: 'runsheet@example.org', to, secure: false }])
    expect(outcome).toEqual({
      messageId: '0190a3b4000070008000000000000001.0@runsheet.example',
      bytes: expect.any(Number),
      receipts: to.map((address) => ({ address, accepted: true, code: 250, response: expect.stringMatching(/^250 /) })),
    })
    expect(outcome.bytes).toBe(server.arrived[0]?.raw.length)
    expect((await server.received()).messageId).toBe(`<${outcome.messageId}>`)
  })

  test('says goodbye', async () => {
    const server = await startScripted({})
    await send({ url: `smtp://127.0.0.1:${server.port}` })
    await expect.poll(() => server.heard.at(-1)).toBe('QUIT')
    await expect.poll(() => server.sockets.size).toBe(0)
  })

  test('does not wait for a server that never says goodbye', async () => {
    const server = await startScripted({ QUIT: null })
    expect(await send({ url: `smtp://127.0.0.1:${server.port}` })).toMatchObject({ receipts: [{ accepted: true }] })
  })

  test('a recipient that is refused takes nothing from the others', async () => {
    const server = await startMailServer(refusing({ 'bob@example.org': 550, 'cem@example.org': 450 }))
    const to = ['bob@example.org', 'ann@example.org', 'cem@example.org']
    const { receipts } = await send({ url: `smtp://127.0.0.1:${server.port}` }, { to })
    expect(receipts).toEqual([
      { address: 'bob@example.org', accepted: false, code: 550, response: '550 not bob@example.org' },
      { address: 'ann@example.org', accepted: true, code: 250, response: expect.any(String) },
      { address: 'cem@example.org', accepted: false, code: 450, response: '450 not cem@example.org' },
    ])
    expect(server.arrived).toMatchObject([{ to: ['ann@example.org'] }])
  })

  test('a domain beyond ASCII goes out in Punycode, and is told as it was written', async () => {
    // this server reads Punycode, and would not take anything else: it offers no SMTPUTF8
    const server = await startMailServer({ ...refusing({ 'bob@münchen.example': 550 }), hideSMTPUTF8: true })
    const to = ['ann@münchen.example', 'bob@münchen.example']
    const { receipts } = await send({ url: `smtp://127.0.0.1:${server.port}` }, { to })
    expect(server.arrived[0]?.raw.toString()).toContain('To: ann@xn--mnchen-3ya.example, bob@xn--mnchen-3ya.example')
    expect(receipts).toMatchObject([
      { address: to[0], accepted: true },
      { address: to[1], accepted: false },
    ])
  })
})

describe('refusals', () => {
  test.each([
    [[550, 550], false],
    [[450, 451], true],
    [[450, 550], false],
  ])('of all recipients by %j fail the mail; whether it may pass later: %s', async (codes, transient) => {
    const [first = 0, second = 0] = codes
    const server = await startMailServer(refusing({ 'ann@example.org': first, 'bob@example.org': second }))
    const to = ['ann@example.org', 'bob@example.org']
    await expect(send({ url: `smtp://127.0.0.1:${server.port}` }, { to })).rejects.toEqual(
      mailError({
        code: 'SMTP_REFUSED',
        transient,
        outcome: expect.objectContaining({
          receipts: [
            { address: 'ann@example.org', accepted: false, code: first, response: `${first} not ann@example.org` },
            { address: 'bob@example.org', accepted: false, code: second, response: `${second} not bob@example.org` },
          ],
        }),
      }),
    )
    expect(server.arrived).toEqual([])
  })

  test.each([
    ['greeting', '421 later', true],
    ['greeting', '554 never', false],
    ['MAIL', '451 later', true],
    ['MAIL', '550 never', false],
    ['DATA', '451 later', true],
    ['DATA', '554 never', false],
    ['.', '452 later', true],
    ['.', '554 never', false],
    ['EHLO', '421 later', true],
  ] as const)('at %s by “%s” fail the mail; whether it may pass later: %s', async (stage, reply, transient) => {
    const server = await startScripted({ [stage]: reply })
    await expect(send({ url: `smtp://127.0.0.1:${server.port}` })).rejects.toEqual(
      mailError({
        code: 'SMTP_REFUSED',
        transient,
        status: Number.parseInt(reply, 10),
        message: expect.stringContaining(reply),
      }),
    )
    await expect.poll(() => server.sockets.size).toBe(0)
  })

  test('a server that takes HELO only is served', async () => {
    const server = await startScripted({ EHLO: '502 what?', ...{ HELO: '250 fine' } })
    expect(await send({ url: `smtp://127.0.0.1:${server.port}` })).toMatchObject({ receipts: [{ code: 250 }] })
  })

  test('a message that is larger than the server takes is not sent', async () => {
    const server = await startMailServer({ size: 1000 })
    const attachments = [{ filename: 'a', contentType: 'text/plain', content: Buffer.alloc(2000) }]
    await expect(send({ url: `smtp://127.0.0.1:${server.port}` }, { attachments })).rejects.toEqual(
      mailError({ code: 'SMTP_REFUSED', transient: false }),
    )
  })
})

describe('a server that fails', () => {
  test.each(['greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA', '.'] as const)(
    'by silence at %s has its time',
    async (stage) => {
      const server = await startScripted({ [stage]: null })
      await expect(send({ url: `smtp://127.0.0.1:${server.port}`, timeoutMs: 50 })).rejects.toEqual(
        mailError({ code: 'SMTP_TIMEOUT', transient: true, status: null }),
      )
      await expect.poll(() => server.sockets.size).toBe(0)
    },
  )

  test.each(
    (['greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA', '.'] as const).flatMap((stage) =>
      (['close', 'reset'] as const).map((how) => [how, stage] as const),
    ),
  )('by a %s at %s may do better later', async (how, stage) => {
    const server = await startScripted({ [stage]: how })
    await expect(send({ url: `smtp://127.0.0.1:${server.port}` })).rejects.toEqual(
      mailError({ code: 'SMTP_CONNECTION', transient: true }),
    )
  })

  test.each([
    ['greeting', 'HTTP/1.1 400 Bad Request'],
    ['greeting', '220-endless\r\n'.repeat(10_000)],
    ['EHLO', '250-endless\r\n'.repeat(10_000)],
    ['MAIL', '\u0000\u00ff'],
    ['.', 'nonsense'],
  ] as const)('by nonsense at %s is none', async (stage, reply) => {
    const server = await startScripted({ [stage]: reply })
    await expect(send({ url: `smtp://127.0.0.1:${server.port}`, timeoutMs: 500 })).rejects.toEqual(
      mailError({ code: expect.stringMatching(/^SMTP_(CONNECTION|REFUSED|TIMEOUT)$/) }),
    )
    await expect.poll(() => server.sockets.size).toBe(0)
  })

  test('that is not there may be there later, and its address is told to nobody', async () => {
    const failure = send({ url: 'smtp://127.0.0.1:9' })
    await expect(failure).rejects.toEqual(
      mailError({ code: 'SMTP_CONNECTION', transient: true, message: expect.stringContaining('(ECONNREFUSED)') }),
    )
    await expect(failure).rejects.not.toThrow('127.0.0.1')
  })

  test('at an address that is not open to us is not asked', async () => {
    const server = await startMailServer()
    for (const host of ['127.0.0.1', 'mail.example']) {
      const failure = send({ url: `smtp://${host}:${server.port}`, allowCidrs: [] })
      await expect(failure).rejects.toEqual(mailError({ code: 'EGRESS_REFUSED', transient: false }))
      await expect(failure).rejects.toThrow('EGRESS_ALLOW_CIDRS')
    }
  })
})

describe('the signal', () => {
  test.each(['greeting', 'EHLO', 'RCPT', '.'] as const)('ends a mail at once, at %s', async (stage) => {
    const server = await startScripted({ [stage]: null })
    const controller = new AbortController()
    const sending = send({ url: `smtp://127.0.0.1:${server.port}`, signal: controller.signal })
    sending.catch(() => {})
    const verb = stage === 'greeting' ? undefined : stage
    await expect.poll(() => server.sockets.size === 1 && (!verb || server.heard.includes(verb))).toBe(true)
    controller.abort()
    await expect(sending).rejects.toEqual(mailError({ code: 'ABORTED', transient: false }))
    await expect.poll(() => server.sockets.size).toBe(0)
  })

  test('ends a mail that has not begun', async () => {
    const server = await startScripted({})
    await expect(send({ url: `smtp://127.0.0.1:${server.port}`, signal: AbortSignal.abort() })).rejects.toEqual(
      mailError({ code: 'ABORTED' }),
    )
    expect(server.heard).toEqual([])
  })

  test('that says the time is up is a timeout', async () => {
    const server = await startScripted({ RCPT: null })
    await expect(send({ url: `smtp://127.0.0.1:${server.port}`, signal: AbortSignal.timeout(50) })).rejects.toEqual(
      mailError({ code: 'SMTP_TIMEOUT', transient: true }),
    )
  })
})

describe('TLS', () => {
  test('from the first byte (smtps)', async () => {
    const server = await startMailServer({ secure: true, ...certificate })
    await send({ url: `smtps://mail.example:${server.port}`, trust: true })
    expect(server.arrived).toMatchObject([{ secure: true }])
  })

  test('by STARTTLS as soon as the server offers it', async () => {
    const server = await startMailServer(certificate)
    await send({ url: `smtp://mail.example:${server.port}`, trust: true })
    expect(server.arrived).toMatchObject([{ secure: true }])
  })

  test('by no STARTTLS where SMTP_URL says so', async () => {
    const server = await startMailServer(certificate)
    await send({ url: `smtp://mail.example:${server.port}?ignoreTLS=true` })
    expect(server.arrived).toMatchObject([{ secure: false }])
  })

  test.each([
    ['smtps', 'that nobody vouches for', 'mail.example', false],
    ['smtp', 'that nobody vouches for', 'mail.example', false],
    ['smtps', 'of somebody else', 'other.example', true],
    ['smtp', 'of somebody else', 'other.example', true],
    ['smtps', 'that is not for an address', '127.0.0.1', true],
  ])('%s with a certificate %s: nothing is sent', async (scheme, _whose, host, trust) => {
    const server = await startMailServer({ secure: scheme === 'smtps', ...certificate })
    await expect(send({ url: `${scheme}://${host}:${server.port}`, trust })).rejects.toEqual(
      mailError({ code: 'SMTP_TLS', transient: true }),
    )
    expect(server.arrived).toEqual([])
  })

  test('where it is required, a server without it gets nothing', async () => {
    const server = await startMailServer()
    await expect(send({ url: `smtp://127.0.0.1:${server.port}?requireTLS=true` })).rejects.toEqual(
      mailError({ code: 'SMTP_TLS' }),
    )
    expect(server.arrived).toEqual([])
  })

  test('with a server that speaks plain text (smtps) there is none', async () => {
    const server = await startMailServer()
    await expect(send({ url: `smtps://127.0.0.1:${server.port}` })).rejects.toEqual(mailError({ code: 'SMTP_TLS' }))
  })
})

describe('the login', () => {
  const locked: SMTPServerOptions = {
    authOptional: false,
    onAuth({ username, password }, _session, callback) {
      if (username === 'runsheet' && password === 'p@ss/w:rd') return callback(null, { user: username })
      callback(Object.assign(new Error('no such user'), { responseCode: 535 }))
    },
  }

  test('is by the user and the password of SMTP_URL', async () => {
    const server = await startMailServer({ ...certificate, ...locked })
    await send({ url: `smtp://runsheet:p%40ss%2Fw%3Ard@mail.example:${server.port}`, trust: true })
    expect(server.arrived).toMatchObject([{ user: 'runsheet', secure: true }])
  })

  test('that is wrong says so without the password', async () => {
    const server = await startMailServer({ secure: true, ...certificate, ...locked })
    const failure = send({ url: `smtps://runsheet:sssh@mail.example:${server.port}`, trust: true })
    await expect(failure).rejects.toEqual(mailError({ code: 'SMTP_AUTH', transient: false, status: 535 }))
    await expect(failure).rejects.not.toThrow('sssh')
  })

  test('that the server does not take is a failure, not a mail without one', async () => {
    const server = await startMailServer({ disabledCommands: ['AUTH', 'STARTTLS'] })
    await expect(send({ url: `smtp://runsheet:sssh@127.0.0.1:${server.port}` })).rejects.toEqual(
      mailError({ code: 'SMTP_AUTH', transient: false }),
    )
    expect(server.arrived).toEqual([])
  })

  test('does not go over the network without TLS, unless SMTP_URL says that it may', async () => {
    const server = await startMailServer({ ...locked, allowInsecureAuth: true })
    const url = `smtp://runsheet:p%40ss%2Fw%3Ard@mail.example:${server.port}`
    await expect(send({ url })).rejects.toEqual(mailError({ code: 'SMTP_TLS' }))
    await send({ url: `${url}?requireTLS=false` })
    expect(server.arrived).toMatchObject([{ user: 'runsheet', secure: false }])
  })
})
