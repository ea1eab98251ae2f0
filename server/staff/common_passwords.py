"""Passwords of ten characters and more that people in China and elsewhere choose again and again, in lower case.

Shorter ones are refused by their length, runs such as 0123456789 and single repeated characters by a rule; so neither stands here.
"""

_WORDS = """
1234512345 1231231231 123123123123 123456123456 1234567891 12345678911 123456789a 123456789q 12345678910 123456789123 1234567890a
1234567890q 123456abcd 123456abcdef 1122334455 112233445566 1212121212 1313131313 1314520520 1314521521 1314521314 5201314520
5201314521 5201314a5201314 520131452013 52013141314 5211314521 147258369a 1472583690 147852369a 1478523690 159357258456 1597534682
9876543210a 1029384756 0987654321a 0147258369 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qaz2wsx3edc4rfv 1qazxsw23edc 1qaz@wsx3edc
zaq12wsxcde3 q1w2e3r4t5 q1w2e3r4t5y6 qwertyuiop qwertyuiop123 qwerty123456 qwerty12345 qwertyuiop1 qweasdzxc123 qweasdzxc1
asdfghjkl1 asdfghjkl123 asdfghjkl; asdfasdfasdf zxcvbnm123 zxcvbnm1234 zxcvbnmasdfghjkl qazwsxedc123 qazwsxedcrfv qazwsx123456
1234qwerasdf 1234qwerasdfzxcv qwer1234asdf asdf1234asdf abcd123456 abcdef123456 abc123456789 abc1234567 abcd12345678 a123456789
a1234567890 a12345678910 aa123456789 aa12345678 aaa123456789 aaa1234567 as123456789 asd123456789 asd1234567 qq123456789 qq1234567890
zxc123456789 woaini1314 woaini520 woaini1314520 woaini5201314 woaini521521 woaini123456 woaiwojia1 woaizhongguo woaimama1314
iloveyou123 iloveyou520 iloveyou1314 iloveyouforever zhongguo123 zhongguo2024 zhonghua123 beijing2008 shanghai2010 wangluo123
password12 password123 password1234 password12345 password123456 password!@# password01 passw0rd123 p@ssw0rd123 p@ssword123
p@ssw0rd1234 passwordpassword mypassword1 newpassword newpassword1 changeme123 changemenow letmein123 welcome123 welcome1234
welcome2024 welcome2025 welcome2026 admin12345 admin123456 admin1234567 admin12345678 admin888888 admin@1234 admin@12345 admin@123456
admin!@#123 administrator administrator1 administrator123 adminadmin adminadmin123 root123456 root12345678 rootroot123 test123456
test1234567 test12345678 testtest123 guest123456 user123456 huawei12#$ huawei@123 changeme@123 system123456 manager123 oracle123456
sunshine123 football123 baseball123 superman123 princess123 trustno1trustno1 correcthorsebatterystaple dragon123456 monkey123456
internet123 computer123 computer1234 zhangsan123 wangwei123456 lining123456 gongzuo123 wenming123 wenming123456 wenming2024
wenming2025 wenming2026 wenmingban1 wenmingban123 shizhengfu123 zhengfu123456 gov12345678 government1 government123
"""
COMMON = frozenset(_WORDS.split())
