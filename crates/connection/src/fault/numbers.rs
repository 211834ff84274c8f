//! The numbers that are known, in the order of docs/faults.md, which has a row for each of them: the
//! name, what to do, and whether a test makes it happen. A test holds the two together.

use super::{Fault, Loss, Vendor};

/// What `errno` means if somebody has listed it.
pub(super) fn known(vendor: Vendor, errno: u32) -> Option<(Fault, Loss)> {
    to_both(errno).or_else(|| match vendor {
        Vendor::MariaDb => to_mariadb(errno),
        Vendor::MySql => to_mysql(errno),
    })
}

fn to_both(errno: u32) -> Option<(Fault, Loss)> {
    Some(match errno {
        // Conflicts.
        1206 | 1213 | 1402 | 1613 | 1614 => (Fault::Transient, Loss::Transaction),
        1205 => (Fault::Transient, Loss::Unknown),
        1243 | 1412 | 1615 | 1689 | 3058 => (Fault::Transient, Loss::Statement),
        // The connection: the client library.
        2000 | 2002 | 2003 | 2005 | 2006 | 2012 | 2013 | 2014 | 2026 | 2027 | 2055 | 5013
        | 5014 | 5015 => (Fault::Disconnected, Loss::Connection),
        // The connection.
        1042 | 1043 | 1053 | 1152 | 1154 | 1155 | 1156 | 1157 | 1158 | 1159 | 1160 | 1161
        | 1184 | 1835 => (Fault::Disconnected, Loss::Connection),
        1153 => (Fault::Permanent, Loss::Connection),
        // The connection: the client library.
        2008 | 2020 | 2048 | 2057 => (Fault::Permanent, Loss::Connection),
        // No room, not now.
        1021 | 1037 | 1040 | 1041 | 1114 | 1135 | 1203 | 1226 | 1461 | 1637 | 3019 => {
            (Fault::Busy, Loss::Statement)
        }
        // No room, not now: the client library.
        2001 | 2004 => (Fault::Busy, Loss::Statement),
        // The data says no.
        1022 | 1048 | 1062 | 1139 | 1169 | 1172 | 1216 | 1217 | 1242 | 1263 | 1264 | 1265
        | 1292 | 1300 | 1364 | 1365 | 1366 | 1367 | 1369 | 1406 | 1411 | 1416 | 1423 | 1441
        | 1451 | 1452 | 1526 | 1566 | 1586 | 1644 | 1690 | 1748 | 1761 | 1762 | 1859 | 1869 => {
            (Fault::Constraint, Loss::Statement)
        }
        // Not allowed in.
        1044 | 1045 | 1049 | 1095 | 1129 | 1130 | 1141 | 1142 | 1143 | 1147 | 1227 | 1251
        | 1275 | 1356 | 1370 | 1396 | 1403 | 1410 | 1449 | 1524 | 1698 | 1819 | 1820 | 1862
        | 1873 => (Fault::Permanent, Loss::Statement),
        // Not allowed in: the client library.
        2007 | 2019 | 2047 | 2049 | 2054 | 2058 | 2059 | 2060 | 2061 | 2062 | 5008 | 5010
        | 5011 | 5012 | 5024 => (Fault::Permanent, Loss::Statement),
        // Refused for now by a setting or a state.
        1036 | 1099 | 1100 | 1179 | 1192 | 1207 | 1223 | 1290 | 1317 | 1397 | 1398 | 1399
        | 1400 | 1440 | 1568 | 1679 | 1694 | 1766 | 1792 | 1836 | 1874 => {
            (Fault::Permanent, Loss::Statement)
        }
        1197 | 1401 | 1705 => (Fault::Permanent, Loss::Unknown),
        // The server itself is in trouble.
        1015 | 1026 | 1030 | 1105 | 1180 | 1181 | 1296 | 1297 | 1712 | 1713 | 1815 => {
            (Fault::Permanent, Loss::Unknown)
        }
        1016 | 1017 | 1028 | 1031 | 1032 | 1033 | 1034 | 1035 | 1038 | 1104 | 1178 | 1194
        | 1195 | 1436 | 1467 | 1812 | 1814 | 1877 => (Fault::Permanent, Loss::Statement),
        // The statement is wrong.
        1046 | 1051 | 1052 | 1054 | 1055 | 1056 | 1058 | 1064 | 1065 | 1066 | 1093 | 1094
        | 1096 | 1097 | 1106 | 1107 | 1108 | 1109 | 1110 | 1111 | 1115 | 1116 | 1120 | 1128
        | 1136 | 1137 | 1138 | 1140 | 1146 | 1148 | 1149 | 1175 | 1176 | 1191 | 1193 | 1210
        | 1221 | 1222 | 1228 | 1229 | 1230 | 1231 | 1232 | 1233 | 1234 | 1235 | 1238 | 1241
        | 1247 | 1248 | 1250 | 1253 | 1267 | 1270 | 1271 | 1273 | 1286 | 1288 | 1295 | 1298
        | 1305 | 1312 | 1318 | 1321 | 1324 | 1325 | 1326 | 1327 | 1328 | 1329 | 1336 | 1339
        | 1347 | 1348 | 1352 | 1353 | 1390 | 1393 | 1394 | 1395 | 1414 | 1422 | 1424 | 1442
        | 1443 | 1456 | 1471 | 1473 | 1582 | 1583 | 1584 | 1621 | 1630 | 1649 | 1735 | 1747 => {
            (Fault::Permanent, Loss::Statement)
        }
        // The statement is wrong: the client library.
        2030 | 2031 | 2033 | 2034 | 2035 | 2036 | 2050 | 2051 | 2052 | 2053 | 2056 | 2068
        | 5003 | 5006 | 5007 | 5009 => (Fault::Permanent, Loss::Statement),
        // Changing the schema.
        1004 | 1005 | 1006 | 1007 | 1008 | 1010 | 1025 | 1050 | 1059 | 1060 | 1061 | 1063
        | 1067 | 1068 | 1069 | 1070 | 1071 | 1072 | 1073 | 1074 | 1075 | 1089 | 1090 | 1091
        | 1102 | 1103 | 1113 | 1117 | 1118 | 1121 | 1166 | 1170 | 1171 | 1215 | 1239 | 1280
        | 1291 | 1293 | 1294 | 1303 | 1304 | 1313 | 1320 | 1330 | 1331 | 1346 | 1349 | 1350
        | 1351 | 1357 | 1359 | 1360 | 1361 | 1362 | 1363 | 1418 | 1419 | 1425 | 1426 | 1427
        | 1439 | 1478 | 1479 | 1480 | 1481 | 1484 | 1486 | 1493 | 1503 | 1505 | 1506 | 1507
        | 1508 | 1517 | 1537 | 1539 | 1553 | 1564 | 1628 | 1629 | 1688 | 1701 | 1709 | 1731
        | 1813 | 1821 | 1822 | 1824 | 1826 | 1828 | 1829 | 1830 | 1832 | 1833 | 1834 | 1845
        | 1846 | 1861 => (Fault::Permanent, Loss::Statement),
        _ => return None,
    })
}

fn to_mariadb(errno: u32) -> Option<(Fault, Loss)> {
    Some(match errno {
        // Conflicts.
        1020 => (Fault::Transient, Loss::Transaction),
        // The connection.
        1927 => (Fault::Disconnected, Loss::Connection),
        // No room, not now.
        1047 => (Fault::Busy, Loss::Statement),
        // The data says no.
        167 | 1916 | 1918 | 4025 => (Fault::Constraint, Loss::Statement),
        // Not allowed in.
        4150 | 4151 => (Fault::Permanent, Loss::Statement),
        // Refused for now by a setting or a state.
        1969 | 4084 | 4166 => (Fault::Permanent, Loss::Statement),
        // The server itself is in trouble.
        1950 | 1964 => (Fault::Permanent, Loss::Unknown),
        1932 => (Fault::Permanent, Loss::Statement),
        // The statement is wrong.
        1906 | 1957 | 4078 | 4079 | 4092 | 4107 | 4161 => (Fault::Permanent, Loss::Statement),
        // Changing the schema.
        1901 | 1903 | 4124 | 4137 => (Fault::Permanent, Loss::Statement),
        _ => return None,
    })
}

fn to_mysql(errno: u32) -> Option<(Fault, Loss)> {
    Some(match errno {
        // Conflicts.
        3101 => (Fault::Transient, Loss::Transaction),
        3132 | 3133 | 3572 => (Fault::Transient, Loss::Statement),
        // The connection.
        3032 | 3168 | 3169 | 4031 | 4081 => (Fault::Disconnected, Loss::Connection),
        4082 => (Fault::Permanent, Loss::Connection),
        // No room, not now.
        3675 | 3796 | 3797 | 3798 | 3799 => (Fault::Busy, Loss::Statement),
        // The data says no.
        3037 | 3140 | 3141 | 3143 | 3146 | 3155 | 3156 | 3157 | 3819 => {
            (Fault::Constraint, Loss::Statement)
        }
        // Not allowed in.
        3118 | 3159 | 3955 => (Fault::Permanent, Loss::Statement),
        // Refused for now by a setting or a state.
        3024 | 3170 | 3699 | 3948 | 3989 => (Fault::Permanent, Loss::Statement),
        // The server itself is in trouble.
        3100 => (Fault::Permanent, Loss::Unknown),
        // The statement is wrong.
        3065 | 3105 | 3579 | 3636 => (Fault::Permanent, Loss::Statement),
        // Changing the schema.
        1101 | 3102 | 3106 | 3552 | 3730 | 3734 | 3750 | 3780 | 3820 | 3822 | 4028 => {
            (Fault::Permanent, Loss::Statement)
        }
        _ => return None,
    })
}
