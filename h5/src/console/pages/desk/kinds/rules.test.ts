import { describe, expect, it } from 'vitest'
import { lackOf, moved, newQuestion, nextOption, removeOption, setKind, toggleRight } from './rules'

const whole = () => ({ ...newQuestion('q1'), text: '国旗有几颗星', options: ['四', '五', '六'].map((text, n) => ({ code: 'abc'[n]!, text })), right: ['b'] })

describe('a list of questions', () => {
  it('is put in another order, and nothing falls off its ends', () => {
    const list = [1, 2, 3]
    moved(list, 2, 0)
    moved(list, 0, -1)
    moved(list, 2, 3)
    expect(list).toEqual([3, 1, 2])
  })
})

describe('a question', () => {
  it('says what it still lacks, and is whole then', () => {
    const one = newQuestion('q1')
    expect(lackOf(one)).toBe('text')
    one.text = '国旗有几颗星'
    expect(lackOf(one)).toBe('empty')
    one.options.forEach((option, n) => (option.text = `${n}`))
    expect(lackOf(one)).toBe('right')
    toggleRight(one, 'a')
    expect(lackOf(one)).toBe('')
    setKind(one, 'multiple')
    expect(lackOf(one)).toBe('many')
  })

  it('has one right answer, or several in the order of its options', () => {
    const one = whole()
    toggleRight(one, 'a')
    expect(one.right).toEqual(['a'])
    setKind(one, 'multiple')
    toggleRight(one, 'c')
    toggleRight(one, 'b')
    expect(one.right).toEqual(['a', 'b', 'c'])
    toggleRight(one, 'a')
    expect(one.right).toEqual(['b', 'c'])
  })

  it('becomes a judgement with two options and one answer', () => {
    const one = { ...whole(), kind: 'multiple' as const, right: ['b', 'c'] }
    setKind(one, 'judge')
    expect([one.options.map(({ text }) => text), one.right]).toEqual([['四', '五'], ['b']])
  })

  it('forgets a right answer with its option, and gives a new one a free letter', () => {
    const one = whole()
    removeOption(one, 'b')
    expect([one.options.length, one.right, nextOption(one.options)]).toEqual([2, [], 'b'])
  })
})
