import { beforeEach, expect, test, vi } from 'vitest'
import { obey } from './turned'

const OFF = { slow_mode: false, messages_closed: false, mourning: null }
const band = () => document.getElementById('turned')!

beforeEach(() => {
  document.body.innerHTML = '<div class="page" id="page"><p id="turned"></p><button class="chip music" aria-pressed="true"></button></div>'
  obey(OFF, { spread: 0 })
})

test('mourning shows its words, ends the anthem and shuts the menu that shares', () => {
  const call = vi.fn()
  Object.assign(window, { WeixinJSBridge: { call } })
  const stopped = vi.fn()
  document.querySelector('.music')!.addEventListener('click', stopped)
  obey({ ...OFF, mourning: '深切哀悼' }, { spread: 0 })
  expect(document.getElementById('page')!.className).toBe('page mourning')
  expect(band().textContent).toBe('深切哀悼')
  obey({ ...OFF, mourning: '深切哀悼逝世同胞' }, { spread: 0 })
  expect(stopped).toHaveBeenCalledTimes(1)
  obey(OFF, { spread: 0 })
  expect(document.getElementById('page')!.className).toBe('page')
  expect(band().textContent).toBe('')
  expect(call.mock.calls).toEqual([['hideOptionMenu'], ['showOptionMenu']])
})

test('in slow-mode requests are spread and the page says so', () => {
  const pace = { spread: 0 }
  obey({ ...OFF, slow_mode: true }, pace)
  expect(pace.spread).toBeGreaterThan(0)
  expect(band().textContent).toContain('自动排队送达')
  obey(OFF, pace)
  expect(pace.spread).toBe(0)
})
