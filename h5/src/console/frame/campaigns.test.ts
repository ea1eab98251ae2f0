import { afterEach, describe, expect, it, vi } from 'vitest'
import { flushPromises, mountInRouter } from './mount.test-help'
import { useCampaign } from './campaigns'

const CAMPAIGNS = [{ slug: 'quiz', title: '问答', state: 'frozen' }, { slug: 'flag', title: '敬礼', state: 'open' }, { slug: 'vote', title: '投票', state: 'open' }]
const answering = () => vi.stubGlobal('fetch', vi.fn(async () => new Response(JSON.stringify({ items: CAMPAIGNS, next: null }), { status: 200 })))
afterEach(() => vi.unstubAllGlobals())

async function turnedTo(address: string, waits?: Record<string, number>) {
  answering()
  const begun: string[] = []
  const { result, unmount } = await mountInRouter(address, () => useCampaign((slug) => begun.push(slug), waits && (async () => waits)))
  await flushPromises()
  await flushPromises()
  return { begun, result, unmount }
}

describe('the campaign of a page', () => {
  it('is the open one where nobody chose, and the one that was looked at last after that', async () => {
    const first = await turnedTo('/wall')
    expect(first.begun).toEqual(['flag'])
    first.unmount()
    const chosen = await turnedTo('/wall?campaign=quiz')
    expect(chosen.begun[0]).toBe('quiz')
    chosen.unmount()
    expect((await turnedTo('/wall')).begun).toEqual(['quiz'])
  })

  it('is where most waits, on a page that asks; the address comes first all the same', async () => {
    expect((await turnedTo('/messages', { flag: 0, vote: 3 })).begun).toEqual(['vote'])
    expect((await turnedTo('/messages?campaign=flag', { flag: 0, vote: 3 })).begun).toEqual(['flag'])
  })
})
