import { describe, expect, it } from 'vitest'
import { search } from './search'

const schools = [
  { name: '漳州市实验小学', initials: 'zzssyxx' },
  { name: '漳州第一中学', initials: 'zzdyzx' },
  { name: '龙师附小', initials: 'lsfx' },
  { name: '第一中学分校', initials: 'dyzxfx' },
]
const names = (query: string) => search(schools, query).map((school) => school.name)

describe('search', () => {
  it('keeps the editor\'s order where nothing is sought', () => expect(names('')).toEqual(schools.map((s) => s.name)))
  it('finds by characters, the beginning first', () => expect(names('第一中学')).toEqual(['第一中学分校', '漳州第一中学']))
  it('finds by initials, in either case', () => {
    expect(names('lsfx')).toEqual(['龙师附小'])
    expect(names('ZZ')).toEqual(['漳州市实验小学', '漳州第一中学'])
  })
  it('ignores blanks', () => expect(names(' 龙师 ')).toEqual(['龙师附小']))
  it('finds nothing where nothing fits', () => expect(names('厦门')).toEqual([]))
})
