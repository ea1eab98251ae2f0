import { both } from '../../../frame/words'

export const words = both(
  {
    up: '上移', down: '下移', remove: '删去', add: '添加',
    pledge: { title: '承诺书', hint: '市民先读后签。签名只留在她自己的手机上，不会上传。', head: '题头', headHint: '如“我承诺”', text: '正文', items: '条目', item: (n: number) => `第 ${n} 条`, none: '还没有条目', noneTeach: '正文之外可以逐条列出，最多 12 条。', signature: '可以用手指签名（十四岁以下不签）' },
    messages: { title: '寄语墙', hint: '题目写在墙的上方。供选的句子写在“预设寄语”里；让不让市民自己写，在“基本”里选，自己写的先审后显。', prompt: '题目', promptHint: '如“您想对祖国说什么？”', own: '输入框里的提示', names: '可以署名，只显示姓氏' },
    quiz: {
      title: '题目', hint: '正确答案和解释在交卷之后才给市民看。', asked: '每人答几道', all: '全部', askedHint: (n: number) => `共 ${n} 道；少于总数时每人随机得到其中几道，最多 20 道`, order: '次序', orders: { fixed: '按编排的次序', shuffled: '每人次序不同' } as Record<string, string>,
      question: (n: number) => `第 ${n} 题`, kinds: { single: '单选', multiple: '多选', judge: '判断' } as Record<string, string>, kind: '题型', text: '题目', option: (code: string) => `选项 ${code.toUpperCase()}`, right: '正确', rightOf: (code: string) => `选项 ${code.toUpperCase()} 是正确答案`, addOption: '添加选项', why: '解释', whyHint: '交卷后显示，说明为什么', none: '还没有题目', noneTeach: '每题 2 至 6 个选项，最多 50 道题。',
      lacks: { text: '没有题目', options: '至少两个选项', empty: '有空的选项', right: '没有正确答案', many: '多选题至少两个正确答案' } as Record<string, string>, fine: '完整', tooMany: '每人最多答 20 道：请设定每人答几道。', fixed: '活动已发布：题目、选项的增删会使正在答题的人重新取题。',
    },
    figures: { title: '答题统计', hint: '只有人数，不含任何人。统计第一次交卷；访客和再答的不计。', sheets: (n: string) => `${n} 份答卷`, none: '还没有人交卷', noneTeach: '市民交卷后几秒内更新。', right: (part: string) => `答对 ${part}`, of: (n: string) => `${n} 人答`, scores: '得分分布', score: (score: number) => `${score} 分`, answer: '正确' },
  },
  {
    up: 'Up', down: 'Down', remove: 'Remove', add: 'Add',
    pledge: { title: 'Pledge', hint: 'Citizens read, then sign. A signature stays on their own phone and is never sent.', head: 'Heading', headHint: 'Such as 我承诺', text: 'Text', items: 'Points', item: (n) => `Point ${n}`, none: 'No points yet', noneTeach: 'Up to 12 points beside the text.', signature: 'May be signed with a finger (not under 14)' },
    messages: { title: 'Message wall', hint: 'The question stands above the wall. What can be chosen is written under "Presets"; whether own words are taken is said under "Basics", and they are reviewed before they show.', prompt: 'Question', promptHint: 'What the messages answer', own: 'Hint in the empty field', names: 'May be signed; only the family name shows' },
    quiz: {
      title: 'Questions', hint: 'Right answers and explanations are shown after handing in.', asked: 'Questions for each', all: 'All', askedHint: (n) => `${n} in all; fewer are drawn for each citizen, 20 at most`, order: 'Order', orders: { fixed: 'As arranged', shuffled: 'Shuffled for each' },
      question: (n) => `Question ${n}`, kinds: { single: 'Single', multiple: 'Multiple', judge: 'True or false' }, kind: 'Type', text: 'Question', option: (code) => `Option ${code.toUpperCase()}`, right: 'Right', rightOf: (code) => `Option ${code.toUpperCase()} is right`, addOption: 'Add an option', why: 'Explanation', whyHint: 'Shown after handing in', none: 'No questions yet', noneTeach: 'Two to six options each, 50 questions at most.',
      lacks: { text: 'No text', options: 'Two options at least', empty: 'An option is empty', right: 'No right answer', many: 'Two right answers at least' }, fine: 'Whole', tooMany: 'Twenty questions at most for each: say how many are drawn.', fixed: 'Published: adding or removing questions makes those who are answering begin anew.',
    },
    figures: { title: 'Answers', hint: 'Numbers alone, nobody by name. First sheets; guests and repeats are left out.', sheets: (n) => `${n} sheets`, none: 'Nobody has handed in yet', noneTeach: 'It follows within seconds.', right: (part) => `${part} right`, of: (n) => `${n} answered`, scores: 'Scores', score: (score) => `${score}`, answer: 'right' },
  },
)
