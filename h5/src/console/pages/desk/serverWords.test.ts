import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { language } from '../../frame/words'
import { CHECK_KEYS, checkSaid, kitTextSaid, partSaid } from './serverWords'

const SERVER = '../server/releases/'
const CHINESE = /[\u4e00-\u9fff]/
const item = (key: string, advice = '写上标题') => ({ key, title: '标题', advice, state: 'error' as const })

afterEach(() => { language.value = 'zh' })

describe('what the server says', () => {
  it('stands as it says it in Chinese', () => {
    expect(checkSaid(item('title'))).toEqual(item('title'))
    expect([partSaid('css', '样式（CSS）'), kitTextSaid('短文案')]).toEqual(['样式（CSS）', '短文案'])
  })

  it('has English for every check that the server makes', () => {
    language.value = 'en'
    const made = ['readiness.py', 'pages.py'].map((file) => readFileSync(SERVER + file, 'utf8')).join('\n')
    const keys = [...made.matchAll(/(?:_item\(|\[?\()"(\w+)", f?"[^"]*[\u4e00-\u9fff]/g)].map(([, key]) => key!).filter((key) => !['name', 'title', 'desc', 'image', 'picture', 'film', 'cover', 'video'].includes(key) || key === 'title')
    expect(keys.length).toBeGreaterThan(15)
    for (const key of keys) expect(CHECK_KEYS, key).toContain(key)
    for (const key of CHECK_KEYS) expect(CHINESE.test(Object.values(checkSaid(item(key))).join('')), key).toBe(false)
    expect(checkSaid(item('title', '')).advice).toBe('')
    expect([partSaid('css', '样式（CSS）'), kitTextSaid('短文案'), partSaid('b2', '图片（b2）')]).toEqual(['Styles (CSS)', 'Short text', '图片（b2）'])
  })
})
