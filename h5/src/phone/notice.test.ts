import { describe, expect, it } from 'vitest'
import { fields, isNotice, targetOf, titleOf } from './notice'
import type { Account, Line, Sent } from './sandbox'

const account = (kind: string): Account => ({ appid: 'wxown', role: 'r', name: '文明漳州', kind, followed: true, menu: null })
const line = (message: Sent, template?: Line['template']): Line =>
  ({ id: 1, appid: 'wxown', at: 0, sender: 'notice', type: 'text', text: 'thing1：敬礼', message, template })
const data = { thing1: { value: '敬礼' }, time2: { value: '10月1日' } }

describe('the fields of a notice', () => {
  it('are named by their kind, never by their key', () => {
    expect(fields(data)).toEqual([{ label: '内容', value: '敬礼' }, { label: '时间', value: '10月1日' }])
  })
  it('are numbered where two of a kind stand', () => {
    expect(fields({ thing1: { value: 'a' }, phrase2: { value: 'b' }, thing9: { value: 'c' } }).map((one) => one.label)).toEqual(['内容 1', '状态', '内容 2'])
  })
  it('have the words of a template that is known', () => {
    expect(fields({ ...data, thing3: { value: 'x' } }, { thing1: '活动名称' }).map((one) => one.label)).toEqual(['活动名称', '时间', '内容'])
  })
  it('of a kind that nobody knows are shown all the same', () => {
    expect(fields({ novel7: { value: 'x' } })).toEqual([{ label: '内容', value: 'x' }])
  })
})

describe('a notice', () => {
  it('is told from other messages', () => {
    expect([isNotice(line({ template_id: 't', data })), isNotice(line({})), isNotice({ ...line({}), message: undefined })]).toEqual([true, false, false])
  })
  it('has its template’s title, or the name of its kind', () => {
    expect(titleOf(line({ template_id: 't', data }, { title: '活动提醒', labels: {} }), account('certified_service'))).toBe('活动提醒')
    expect(titleOf(line({ template_id: 't', data }), account('certified_service'))).toBe('模板消息')
    expect(titleOf(line({ template_id: 't', data }), account('miniprogram'))).toBe('订阅消息')
  })
  it('opens a web page, a page of a mini-program before that, or nothing', () => {
    const official = account('certified_service')
    expect(targetOf(line({ url: 'http://h/c' }), official)).toEqual({ url: 'http://h/c' })
    expect(targetOf(line({ page: 'https://h/c' }), official)).toEqual({ url: 'https://h/c' })
    expect(targetOf(line({ url: 'http://h/c', miniprogram: { appid: 'wxm', pagepath: 'pages/a/b?x=1' } }), official))
      .toEqual({ appid: 'wxm', page: 'pages/a/b', query: 'x=1', from: 1043 })
    expect(targetOf(line({ url: 'javascript:alert(1)' }), official)).toBeNull()
    expect(targetOf(line({}), official)).toBeNull()
  })
  it('of a mini-program opens itself', () => {
    expect(targetOf(line({ page: 'pages/a/b' }), account('miniprogram'))).toEqual({ appid: 'wxown', page: 'pages/a/b', query: '', from: 1014 })
    expect(targetOf(line({}), account('miniprogram'))).toBeNull()
  })
})
