import { both } from '../../frame/words'

export const words = both(
  {
    title: '词库', hint: '换写法、夹符号、繁体、全角也能识别，不必重复添加。', block: '不得出现', blockHint: '含有这些词的留言当场被拒。', review: '请多看一眼', reviewHint: '含有这些词的留言照常排队，审核时高亮。', perLine: '每行一个词', count: (n: number) => `${n} 个词`, save: '保存', saved: '词库已保存，一秒内生效', tooLong: (word: string, most: number) => `“${word}”超过 ${most} 字`, tooMany: (most: number) => `两类合计最多 ${most} 个词`,
    changes: (added: number, gone: number) => `未保存：新增 ${added} 个，删去 ${gone} 个`, find: '查一个词在不在', found: { block: '在“不得出现”里', review: '在“请多看一眼”里', none: '不在词库里' } as Record<string, string>, added: '新增', gone: '删去', keyHint: '保存', sample: '这几个是系统自带的示例，可以修改或删去；保存后以您的词库为准。电话、身份证号、微信号不用加词，系统会自己标为“疑似个人信息”。',
  },
  {
    title: 'Word lists', hint: 'Other spellings, signs in between, traditional characters and full width are found too.', block: 'Never', blockHint: 'A message with one of these is refused at once.', review: 'Look twice', reviewHint: 'A message with one of these waits as any, and the word is marked.', perLine: 'One word a line', count: (n) => `${n} words`, save: 'Save', saved: 'Saved; in force within a second', tooLong: (word, most) => `"${word}" has more than ${most} characters`, tooMany: (most) => `At most ${most} words in both lists`,
    changes: (added, gone) => `Not saved: ${added} added, ${gone} removed`, find: 'Is a word in the lists?', found: { block: 'It is under "Never"', review: 'It is under "Look twice"', none: 'It is in neither' }, added: 'Added', gone: 'Removed', keyHint: 'Save', sample: 'These few come with the product: change or remove them; once saved, the list is yours. Telephone, ID-card and WeChat numbers need no words here: they are marked by themselves.',
  },
)
