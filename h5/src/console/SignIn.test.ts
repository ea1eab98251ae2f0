import { createApp, nextTick, type App } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import SignIn from './SignIn.vue'

const answer = (status: number, body: unknown) => new Response(JSON.stringify(body), { status })
const refusal = (status: number, code: string, message: string) => answer(status, { error: { code, message } })
const guanli = { name: 'guanli', role: 'admin', csrf: 'a' }
const EXPIRES = '2026-10-01T08:05:00+08:00'

let app: App
let root: HTMLElement
let asked: { path: string; body: Record<string, string> }[]
let answers: Record<string, () => Response>
const done = vi.fn()

const text = (selector: string) => root.querySelector(selector)?.textContent ?? ''
const settle = async () => {
  await vi.advanceTimersByTimeAsync(0)
  await nextTick()
}

async function type(field: string, value: string) {
  const input = root.querySelector<HTMLInputElement>(`input[name=${field}]`)!
  input.value = value
  input.dispatchEvent(new Event('input'))
  await nextTick()
}

async function submit() {
  root.querySelector('form')!.dispatchEvent(new Event('submit', { cancelable: true }))
  await settle()
}

async function press(name: string) {
  ;[...root.querySelectorAll('button')].find((one) => one.textContent === name)!.click()
  await settle()
}

async function giveThePassword(ways: string[]) {
  answers['/session'] = () => answer(202, { pending: 'p1', ways })
  await type('username', 'guanli')
  await type('password', 'long enough it is')
  await submit()
}

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-10-01T08:00:00+08:00') })
  asked = []
  answers = {}
  done.mockReset()
  vi.stubGlobal('fetch', vi.fn(async (path: string, options: RequestInit) => {
    const short = path.replace('/api/v1/staff', '')
    asked.push({ path: short, body: JSON.parse(options.body as string) })
    return answers[short]!()
  }))
  root = document.createElement('div')
  app = createApp(SignIn, { purpose: '测试', onDone: done })
  app.mount(root)
})

afterEach(() => {
  app.unmount()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

describe('signing in', () => {
  it('is done with the password where nothing else is asked for', async () => {
    answers['/session'] = () => answer(200, guanli)
    await type('username', ' guanli ')
    await type('password', 'x')
    await submit()
    expect(done).toHaveBeenCalledWith(guanli)
    expect(asked[0]!.body).toEqual({ name: 'guanli', password: 'x' })
  })

  it('asks for the digits of the app, once more where they are wrong', async () => {
    await giveThePassword(['totp', 'recovery'])
    expect(done).not.toHaveBeenCalled()
    answers['/session/second-factor'] = () => refusal(401, 'SECOND_FACTOR_WRONG', '验证码不对，或已经用过')
    await type('code', '000000')
    await submit()
    expect(text('.problem')).toBe('验证码不对，或已经用过')
    answers['/session/second-factor'] = () => answer(200, guanli)
    await type('code', '123456')
    await submit()
    expect(done).toHaveBeenCalledWith(guanli)
    expect(asked.at(-1)!.body).toEqual({ pending: 'p1', way: 'totp', code: '123456' })
  })

  it('takes a code from paper instead', async () => {
    await giveThePassword(['totp', 'recovery'])
    await press('改用恢复码')
    answers['/session/second-factor'] = () => answer(200, guanli)
    await type('code', 'ab3de-fgh4k')
    await submit()
    expect(asked.at(-1)!.body).toEqual({ pending: 'p1', way: 'recovery', code: 'ab3de-fgh4k' })
    expect(done).toHaveBeenCalledOnce()
  })

  it('begins again where it took too long', async () => {
    await giveThePassword(['totp'])
    answers['/session/second-factor'] = () => refusal(401, 'SIGN_IN_EXPIRED', '登录已超时，请重新输入账号和密码')
    await type('code', '123456')
    await submit()
    expect(text('.problem')).toBe('登录已超时，请重新输入账号和密码')
    expect(root.querySelector<HTMLInputElement>('input[name=password]')!.value).toBe('')
  })
})

describe('signing in by the phone', () => {
  beforeEach(() => {
    answers['/session/second-factor/wechat'] = () => answer(201, { url: 'https://x', number: '42', expires_at: EXPIRES, picture: 'data:image/png;base64,' })
    answers['/session/second-factor'] = () => answer(202, { pending: 'p1', ways: ['wechat'] })
  })
  const polls = () => asked.filter(({ path }) => path === '/session/second-factor').length

  it('shows the number and asks every two seconds until the phone says yes', async () => {
    await giveThePassword(['wechat'])
    expect(text('.phone-code b')).toBe('42')
    await vi.advanceTimersByTimeAsync(6_000)
    expect([polls(), done.mock.calls.length]).toEqual([3, 0])
    answers['/session/second-factor'] = () => { throw new TypeError('network') }
    await vi.advanceTimersByTimeAsync(2_000)
    expect(text('[role=status]')).toContain('正在重试')
    answers['/session/second-factor'] = () => answer(200, guanli)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(done).toHaveBeenCalledWith(guanli)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(polls()).toBe(5)
  })

  it('asks no more where another way is taken', async () => {
    await giveThePassword(['wechat', 'totp'])
    await press('改用验证器')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(polls()).toBe(0)
  })

  it('goes back to the password where the phone says no, and where nobody answers in time', async () => {
    await giveThePassword(['wechat'])
    answers['/session/second-factor'] = () => refusal(401, 'SIGN_IN_EXPIRED', '登录已超时，请重新输入账号和密码')
    await vi.advanceTimersByTimeAsync(2_000)
    expect(text('h1')).toBe('工作人员登录')
    answers['/session/second-factor'] = () => answer(202, { pending: 'p1', ways: ['wechat'] })
    await giveThePassword(['wechat'])
    await vi.advanceTimersByTimeAsync(320_000)
    expect(text('.problem')).toContain('二维码已过期')
  })
})
