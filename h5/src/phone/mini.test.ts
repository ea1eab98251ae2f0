import { describe, expect, it } from 'vitest'
import { onlyOnARealPhone } from './menu'
import { fromText, isMiniAddress, launchOf, pageAndQuery, parameters, placeOf, sceneOf } from './mini'

describe('a launch', () => {
  it('stands in the address and comes back whole', () => {
    const launch = { appid: 'wxmini', page: 'pages/a/b', query: 'scene=a%3D1&slug=flag', from: 1047, at: 5 }
    expect(placeOf(launch)).toBe('5/1047/wxmini/pages/a/b?scene=a%3D1&slug=flag')
    expect(launchOf(placeOf(launch))).toEqual(launch)
  })
  it('has a home page where none is named', () => {
    expect(launchOf('1/1001/wxmini/')).toEqual({ appid: 'wxmini', page: 'pages/index/index', query: '', from: 1001, at: 1 })
  })
  it('says how it was opened', () => {
    expect([fromText(1047), fromText(1194), fromText(1)]).toEqual(['1047 扫描小程序码', '1194 URL Link', '1 其他'])
  })
  it('reads the scene of a code and every parameter', () => {
    expect(sceneOf('scene=a%3D1%26b')).toBe('a=1&b')
    expect(sceneOf('slug=flag')).toBe('')
    expect(parameters('unit=%E4%B8%80%E7%8F%AD&x=1')).toEqual([['unit', '一班'], ['x', '1']])
  })
  it('takes a page as notices and menus write it', () => {
    expect(pageAndQuery('/pages/a/b.html?x=1?y')).toEqual({ page: 'pages/a/b', query: 'x=1?y' })
    expect(pageAndQuery('')).toEqual({ page: 'pages/index/index', query: '' })
  })
})

describe('an address', () => {
  it('leads into a mini-program or is a page', () => {
    for (const text of ['https://wxaurl.cn/a', 'weixin://dl/business/?t=1', '#小程序://名/页/a', 'sandbox://wx/p/a/b?scene=1']) expect(isMiniAddress(text)).toBe(true)
    for (const text of ['https://h5.example.cn/c/flag', 'https://wxaurl.cn.example/a', 'http://weixin.qq.com/q/a']) expect(isMiniAddress(text)).toBe(false)
  })
})

describe('a menu entry that only a real phone can do', () => {
  it('is named, with where it works', () => {
    expect(onlyOnARealPhone('location_select')).toBe('模拟手机不能“发送位置”，真实手机可以')
    expect(onlyOnARealPhone('pic_weixin')).toContain('从微信相册发图')
    expect(onlyOnARealPhone('tomorrow')).toContain('真实手机')
  })
})
