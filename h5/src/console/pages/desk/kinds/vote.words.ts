import { both } from '../../../frame/words'

export const words = both(
  {
    up: '上移', down: '下移', remove: '删去', add: '添加候选人',
    title: '候选人与投票规则', hint: '市民看到的次序就是这里的次序，任何时候都不按票数排列。', name: '姓名或集体名称', deed: '事迹', deedHint: '一段话，最多 500 字', picture: '照片', nth: (n: number) => `候选人 ${n}`,
    none: '还没有候选人', noneTeach: '至少两位，最多 60 位。照片从媒体库选择。', least: '每张选票最少选', most: '最多选', tally: '票数', tallies: { after_end: '截止核对后公开', after_vote: '投票后可看', never: '不公开' } as Record<string, string>,
    fixed: '活动已发布：候选人不能增删，票数从发布时起按这份名单统计；需要时请在“概况”页暂停候选人。', noName: '没有姓名', fine: '完整', numbers: '最少不能多于最多，最多不能超过候选人数。', open: '展开', fold: '收起',
    photos: { title: '照片墙', hint: '照片由工作人员逐张审核后公开；未满14周岁不收集照片。', prompt: '拍什么', promptHint: '如“拍一张您身边的文明瞬间”', captions: '备选说明', caption: (n: number) => `说明 ${n}`, addCaption: '添加说明', own: '可以自己写说明（先审后显）', none: '还没有备选说明', noneTeach: '至少一条，或允许市民自己写。' },
  },
  {
    up: 'Up', down: 'Down', remove: 'Remove', add: 'Add a candidate',
    title: 'Candidates and rules', hint: 'Citizens see them in this order, which never follows the votes.', name: 'Name', deed: 'Deed', deedHint: 'A paragraph of 500 characters at most', picture: 'Picture', nth: (n) => `Candidate ${n}`,
    none: 'No candidates yet', noneTeach: 'Two at least, 60 at most. Pictures come from the media library.', least: 'Choices of a ballot, from', most: 'to', tally: 'Votes', tallies: { after_end: 'Shown after the end', after_vote: 'Shown to who has voted', never: 'Never shown' },
    fixed: 'Published: nobody can be added or removed. Suspend a candidate on the overview page instead.', noName: 'No name', fine: 'Whole', numbers: 'The least may not exceed the most, nor the most the number of candidates.', open: 'Open', fold: 'Close',
    photos: { title: 'Photo wall', hint: 'Each photo is reviewed before it shows; none is taken from under-14s.', prompt: 'What to photograph', promptHint: 'Such as: a good moment near you', captions: 'Captions to choose', caption: (n) => `Caption ${n}`, addCaption: 'Add a caption', own: 'Own captions are allowed (reviewed first)', none: 'No captions yet', noneTeach: 'One at least, or let citizens write their own.' },
  },
)
