BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0007');
CREATE TABLE audit (
	number INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	door VARCHAR(16) NOT NULL, 
	actor VARCHAR(200) NOT NULL, 
	origin VARCHAR(200) NOT NULL, 
	action VARCHAR(32) NOT NULL, 
	subject VARCHAR(200) NOT NULL, 
	result VARCHAR(40) NOT NULL, 
	request_id VARCHAR(26) NOT NULL, 
	detail TEXT NOT NULL, 
	previous_hash VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (number)
);
INSERT INTO "audit" VALUES(1,'2025-07-09 12:00:00.000000','','','','partner.add','partner tnm','ok','01M8FYQ3WZ4T353RK7KMT9F01S','{"administrator": false, "hubs": [5], "operator": ["TheNewMotion"], "partner": 1, "provider": ["TheNewMotion"], "state": {"account": "49de138bb12459645e8243b6c4488cc3", "address": "e227583c5361db25dfb8999eb9140fc1", "certificates": "e3b0c44298fc1c149afbf4c8996fb924", "groups": "e3b0c44298fc1c149afbf4c8996fb924", "hubs": "50f765baf79c6e117a93b2d5e2b71a59", "ids": "8aa2e99c148cda2834db6290b4769e9a", "password": "6709fba6ff8736dd5c107c6840f43850"}}','0000000000000000000000000000000000000000000000000000000000000000','617323f9213b4023662a38329726d9a24ff46e569d9cbf387fcaa8a310318469');
INSERT INTO "audit" VALUES(2,'2025-07-09 12:00:00.000000','','','','partner.add','partner lnd','ok','01M8FYQ3WZ4T353RK7KMT9F01S','{"administrator": false, "hubs": [3], "operator": ["ladenetz.de"], "partner": 2, "provider": ["ladenetz.de"], "state": {"account": "81e4bafa68a21e94f3836d02753bdc4c", "address": "e227583c5361db25dfb8999eb9140fc1", "certificates": "e3b0c44298fc1c149afbf4c8996fb924", "groups": "e3b0c44298fc1c149afbf4c8996fb924", "hubs": "d04cf58f1edf09c7cb47296c31c4d717", "ids": "91cb446fda015b22b7a0ec3c1682f90c", "password": "9561c8b755ca6c40444158ff11cd134d"}}','617323f9213b4023662a38329726d9a24ff46e569d9cbf387fcaa8a310318469','d2b7ce757b0aeb46817acfcd779fab7a13031877665fce208d8934612b2444ca');
INSERT INTO "audit" VALUES(3,'2025-07-09 12:00:00.000000','','','','partner.add','partner anwb','ok','01M8FYQ3WZ4T353RK7KMT9F01S','{"administrator": false, "hubs": [], "operator": [], "partner": 3, "provider": ["ANWB"], "state": {"account": "e356542ce3bd8237222b3d769e9a401d", "address": "e227583c5361db25dfb8999eb9140fc1", "certificates": "e3b0c44298fc1c149afbf4c8996fb924", "groups": "e3b0c44298fc1c149afbf4c8996fb924", "hubs": "e3b0c44298fc1c149afbf4c8996fb924", "ids": "314ffbf2adbc9e3dafa6bd1b7b6f1c48", "password": "75ece47b3fad09ec35b634d170932308"}}','d2b7ce757b0aeb46817acfcd779fab7a13031877665fce208d8934612b2444ca','362303a357e56b128b9826019ec402495ecd9674de542189ba6ea2597e463b26');
INSERT INTO "audit" VALUES(4,'2025-07-09 12:00:00.000000','','','','partner.add','partner office','ok','01M8FYQ3WZ4T353RK7KMT9F01S','{"administrator": true, "hubs": [], "operator": [], "partner": 4, "provider": [], "state": {"account": "d5d149ccd0d9ff802223bd024a50e498", "address": "e227583c5361db25dfb8999eb9140fc1", "certificates": "e3b0c44298fc1c149afbf4c8996fb924", "groups": "7673d3236c2756f101786a9b7605446c", "hubs": "e3b0c44298fc1c149afbf4c8996fb924", "ids": "e3b0c44298fc1c149afbf4c8996fb924", "password": "389a6b4c7516c385d0f61fc46c929d44"}}','362303a357e56b128b9826019ec402495ecd9674de542189ba6ea2597e463b26','639d163611f22a62d3890dfcf73a7d3defecc9ec48b6cfb463dfb45bc794664b');
INSERT INTO "audit" VALUES(5,'2025-07-09 12:00:00.000000','','','','cdrs.add','CDRs of tnm','ok','02000000000000000000000000','{"digest": "04083821f4ed425e0d1c575142c1a888f64ac070cc0df17d5cdead1bbed4903a", "new": 4, "partner": 1, "received": 4, "received_at": "2025-07-09T12:00:00.000000+00:00", "warnings": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}','639d163611f22a62d3890dfcf73a7d3defecc9ec48b6cfb463dfb45bc794664b','1894c356899c42ba533ae6702702d5909d1d1de2c88e377f58cc4a613a488cbb');
INSERT INTO "audit" VALUES(6,'2025-07-09 12:00:00.000000','','','','clearing.run','run 1','ok','02000000000000000000000001','{"cdrs": 4, "members": "37db36876b9ccaaa88394679f019c343", "state": {"issuer": "d0337cfee32abba37f090cd34198c00e", "left": "e3b0c44298fc1c149afbf4c8996fb924", "parties": "ade1d2fda8cb879db0ce34b83b734fa4", "row": "337775f9d1e57b299445a654547bab31", "totals": "40f439f1fcbc0fb3ae6b78c88fbecf28"}, "volume_e4_kwh": 185600}','1894c356899c42ba533ae6702702d5909d1d1de2c88e377f58cc4a613a488cbb','384b03c864d157cb9ab5e268aedda8327122af80e174f38e19d12eded5f95caf');
INSERT INTO "audit" VALUES(7,'2025-07-09 12:00:00.000000','','','','cdrs.fetch','tnm','ok','01M8FYQ3WZ4T353RK7KMT9F01S','{"partner": 1, "runs": [1], "served_at": "2025-07-09T12:00:00.000000+00:00"}','384b03c864d157cb9ab5e268aedda8327122af80e174f38e19d12eded5f95caf','2b77fe7c9710a6386aaf264c96075690659f1898859f0b99720e61e8609f3c86');
INSERT INTO "audit" VALUES(8,'2025-07-09 12:00:00.000000','','','','cdrs.fetch','anwb','ok','01M8FYQ3WZ4T353RK7KMT9F01S','{"partner": 3, "runs": [1], "served_at": "2025-07-09T12:00:00.000000+00:00"}','2b77fe7c9710a6386aaf264c96075690659f1898859f0b99720e61e8609f3c86','ac8670442931db36c2639504103b8bd2fca07fa761048c3528d677267cc7d6e7');
INSERT INTO "audit" VALUES(9,'2026-11-20 12:00:00.000000','','','','cdrs.add','CDRs of tnm','ok','02000000000000000000000002','{"digest": "e7a8a717accd649a5b3f332e7aa2f464c76dbdbd452239d301f1b3b965e3d33a", "new": 7, "partner": 1, "received": 7, "received_at": "2026-11-20T12:00:00.000000+00:00", "warnings": "1ede75f54b7de6508e855e5906361692d935b08662aa6f2776a58ab3ff6af8c2"}','ac8670442931db36c2639504103b8bd2fca07fa761048c3528d677267cc7d6e7','e650e7aea2c96e3b166f8000b5960710355bc2b97af4b9d49c920a60937e61c1');
INSERT INTO "audit" VALUES(10,'2026-11-20 12:00:00.000000','','','','clearing.run','run 2','ok','02000000000000000000000003','{"cdrs": 6, "members": "e363a359a4879c5f031d75fe96ea0ef3", "state": {"issuer": "d0337cfee32abba37f090cd34198c00e", "left": "0ecee22b92da12979766edc0eeadf974", "parties": "ade1d2fda8cb879db0ce34b83b734fa4", "row": "d4ca23991eb8bb09ea4c8ae00374cda7", "totals": "e89db270018dd2640225c1c00612f70e"}, "volume_e4_kwh": 278400}','e650e7aea2c96e3b166f8000b5960710355bc2b97af4b9d49c920a60937e61c1','0ceeab57fe15f67dc9ac057609a6049433f70df79d8535eebd2a354f7a477264');
INSERT INTO "audit" VALUES(11,'2026-11-20 13:00:00.000000','','','','purge','run 1','ok','01M8FYQ3WZ4T353RK7KMT9F01S','{"cdrs": 4, "names": "27a23cb022b452fc3e07094f3bd551da4765d2b7f30f604aa6856bd34b0583ee", "purged_at": "2026-11-20T13:00:00.000000+00:00"}','0ceeab57fe15f67dc9ac057609a6049433f70df79d8535eebd2a354f7a477264','b5516a91b9dd9693efb9948b8bac8dfe6454b4a6e72b0d420dfcc2ed5311ea90');
INSERT INTO "audit" VALUES(12,'2026-11-20 13:00:00.000000','','','','cdrs.add','CDRs of lnd','ok','02000000000000000000000004','{"digest": "156c9b083b76ed9e828006fcc5275d9038aebf1ae96807801ebc973fc09e0b01", "new": 2, "partner": 2, "received": 2, "received_at": "2026-11-20T13:00:00.000000+00:00", "warnings": "e3c4018270fdd31ca4419d4d2188f9e6f5fbbc5b0a1f2d7512e20fe69ed78544"}','b5516a91b9dd9693efb9948b8bac8dfe6454b4a6e72b0d420dfcc2ed5311ea90','27c5025d1a67d5c1c3364abf66cc3b7952cb672dad0696c2e4e21dbe5320674e');
INSERT INTO "audit" VALUES(13,'2026-11-20 13:00:00.000000','','','','clearing.run','run 3','ok','02000000000000000000000005','{"cdrs": 2, "members": "94bc6c9f405001ff73595217b8ee341a", "state": {"issuer": "d0337cfee32abba37f090cd34198c00e", "left": "0ecee22b92da12979766edc0eeadf974", "parties": "3de5ca54d1d05bed29a517977e331ad2", "row": "88ba16ed03d591062638189ca9993254", "totals": "3cd413d1b758f98dcbefe49518c7683e"}, "volume_e4_kwh": 92800}','27c5025d1a67d5c1c3364abf66cc3b7952cb672dad0696c2e4e21dbe5320674e','dacbd13fb660e60f934519079969520233b9dc086a2c46a05a3abd9b3cbd1efc');
INSERT INTO "audit" VALUES(14,'2026-11-20 14:00:00.000000','','','','cdrs.fetch','anwb','ok','01M8FYQ3WZ4T353RK7KMT9F01S','{"partner": 3, "runs": [2, 3], "served_at": "2026-11-20T14:00:00.000000+00:00"}','dacbd13fb660e60f934519079969520233b9dc086a2c46a05a3abd9b3cbd1efc','0f5395bd922e2df66c50c26af6073daa23f1e05e832bebca2cef2a4e36d762d3');
INSERT INTO "audit" VALUES(15,'2026-11-20 14:00:00.000000','','','','cdrs.add','CDRs of tnm','ok','02000000000000000000000006','{"digest": "0792be77a543008cff0d3e5dd1a6eafda857b333c6676d2263fc9d0c4679982b", "new": 4, "partner": 1, "received": 4, "received_at": "2026-11-20T14:00:00.000000+00:00", "warnings": "78ada4ac17c5c8eeec91d4ab3a8456a198326c6d865ee2e49ccb3066c055d25a"}','0f5395bd922e2df66c50c26af6073daa23f1e05e832bebca2cef2a4e36d762d3','d5735e268a9a93a0da2678504bccda34d4664b1cf1870e5cf99759077265fae1');
INSERT INTO "audit" VALUES(16,'2026-11-20 14:00:00.000000','','','','list.replace','roaming list of tnm','ok','01M8FYQ3WZ4T353RK7KMT9F01S','{"mark": "1bb8823a62baf4c80880a9c63733d69e", "partner": 1, "records": 40, "rows": "aa2492df76ac4d297495930611e76bf1dedfa63f78bd7c855d7b60ab85658a7c"}','d5735e268a9a93a0da2678504bccda34d4664b1cf1870e5cf99759077265fae1','60beda8ab6c21e57d5e0da9618c57bb910c272c6bf749fdfdfb2870f915ebf4b');
INSERT INTO "audit" VALUES(17,'2026-11-20 14:00:00.000000','','','','list.replace','roaming list of tnm','ok','01M8FYQ3WZ4T353RK7KMT9F01S','{"mark": "bb053bca1821e0a33f8a93444148d0b7", "partner": 1, "records": 50, "rows": "9f7e1168752026a0446f24e0c67663fa2572500f139a55d1ffbe3a02a881f253"}','60beda8ab6c21e57d5e0da9618c57bb910c272c6bf749fdfdfb2870f915ebf4b','80e2ccb7a8e8c40be7b9467da35e9d5165084626e4f75b84b948053530f4b183');
INSERT INTO "audit" VALUES(18,'2026-11-20 14:00:00.000000','','','','list.replace','roaming list of lnd','ok','01M8FYQ3WZ4T353RK7KMT9F01S','{"mark": "10a9a97655755aa7ca0139f6b8b05193", "partner": 2, "records": 10, "rows": "86bdf69aaaddce5e46f923e7dbf8a469177f0cfef6b71ab1d29653536ab9df55"}','80e2ccb7a8e8c40be7b9467da35e9d5165084626e4f75b84b948053530f4b183','c84accbd241aeaabf220eef2bb9ad060560730e3b5ccc94ca379d092f9350e51');
INSERT INTO "audit" VALUES(19,'2026-11-20 14:00:00.000000','','','','list.replace','charge point list of lnd','ok','01M8FYQ3WZ4T353RK7KMT9F01S','{"mark": "9f594e4f5ffe43c0268a8f4116f13645", "partner": 2, "records": 9, "rows": "e6b64531a25eb3a91923091e600d20ee9cd4f36955e3dbd0a9cb1a763c919aa2"}','c84accbd241aeaabf220eef2bb9ad060560730e3b5ccc94ca379d092f9350e51','d5b897be2695ed0ff23ae80431b2b490c8b86ccb4116403c550245f84f061cb4');
INSERT INTO "audit" VALUES(20,'2026-11-20 14:00:00.000000','','','','certificate.add','partner lnd','ok','01M8FYQ3WZ4T353RK7KMT9F01S','{"ends_at": "2027-11-20 14:00:00+00:00", "mark": "3dfc0fe92e201eb19ce39ab18274291bef4d5f0ba129dde45aff3e77782d1b4b", "partner": 2, "state": {"account": "81e4bafa68a21e94f3836d02753bdc4c", "address": "e227583c5361db25dfb8999eb9140fc1", "certificates": "09606f4a928eb4dee1efc3eca2fc5bac", "groups": "e3b0c44298fc1c149afbf4c8996fb924", "hubs": "d04cf58f1edf09c7cb47296c31c4d717", "ids": "91cb446fda015b22b7a0ec3c1682f90c", "password": "9561c8b755ca6c40444158ff11cd134d"}}','d5b897be2695ed0ff23ae80431b2b490c8b86ccb4116403c550245f84f061cb4','d4e751154d732c36914bd38893370efa3d711928a0305ad29084e4d1b1ea9894');
INSERT INTO "audit" VALUES(21,'2026-11-20 14:00:00.000000','','','','partner.change','partner tnm','ok','01M8FYQ3WZ4T353RK7KMT9F01S','{"address": "A 1", "partner": 1, "state": {"account": "49de138bb12459645e8243b6c4488cc3", "address": "8ccdd6d4d0f2f8be92c62f24bf8e414a", "certificates": "e3b0c44298fc1c149afbf4c8996fb924", "groups": "e3b0c44298fc1c149afbf4c8996fb924", "hubs": "50f765baf79c6e117a93b2d5e2b71a59", "ids": "8aa2e99c148cda2834db6290b4769e9a", "password": "6709fba6ff8736dd5c107c6840f43850"}, "vat_id": "NL1"}','d4e751154d732c36914bd38893370efa3d711928a0305ad29084e4d1b1ea9894','e31d822f713f81ffea2f84d9660c165f0cba5f6a0508cf909603faa36c060258');
INSERT INTO "audit" VALUES(22,'2026-11-20 15:00:00.000000','','','','cdrs.add','CDRs of tnm','ok','02000000000000000000000007','{"digest": "61b4937450afb9ced6784c5e4526386b3c23c4f56b5a43204a45b4420f1d7554", "new": 1, "partner": 1, "received": 1, "received_at": "2026-11-20T15:00:00.000000+00:00", "warnings": "dd2edb21b98f5ab45307034829ff5912a5b93945defb8ca79eecb7893999a7be"}','e31d822f713f81ffea2f84d9660c165f0cba5f6a0508cf909603faa36c060258','a9258e978ac0137ec37dc7c7e0279234d9f8b4be77ad65ceb32647c038201e51');
INSERT INTO "audit" VALUES(23,'2026-11-20 15:00:00.000000','','','','clearing.run','run 4','ok','02000000000000000000000008','{"cdrs": 4, "members": "b4e59860ee24b632daf83dc89b383817", "state": {"issuer": "d0337cfee32abba37f090cd34198c00e", "left": "c1d615ec7eb92f821514196debd790ab", "parties": "42cc9fbaf70546bc0f152d98fe8ed7b5", "row": "e6d00de9ca7a52a1a3f6e9c4a72d51b6", "totals": "399e4f32303ebe149dc7cb6c3487b67f"}, "volume_e4_kwh": 185600}','a9258e978ac0137ec37dc7c7e0279234d9f8b4be77ad65ceb32647c038201e51','8836b2bcd3d9464f522b25f8775af5334a035bd909b51b0240fe900b624c714c');
INSERT INTO "audit" VALUES(24,'2026-11-20 16:00:00.000000','http','tnm','','list.replace','charge point list of tnm','ok','01M8FYQ4PDBFSFG04ZD0B8X59W','{"mark": "ba22e8187e7dba4fbcb4a95b0206686e", "partner": 1, "records": 3, "rows": "8624cb7753b758b2600bcedb92374de074908113e69b8e6d2caeab83d7e1d7d4"}','8836b2bcd3d9464f522b25f8775af5334a035bd909b51b0240fe900b624c714c','33c9919077f1fd0aab066934b19b9e9190eba0dd04a71c64a8e4cd06a5013946');
CREATE TABLE audit_baseline (
	id INTEGER NOT NULL, 
	cdr_id BIGINT NOT NULL, 
	run_number INTEGER NOT NULL, 
	CONSTRAINT pk_audit_baseline PRIMARY KEY (id)
);
INSERT INTO "audit_baseline" VALUES(1,0,0);
CREATE TABLE "authorisation" (
	partner_id INTEGER NOT NULL, 
	generation BIGINT NOT NULL, 
	position INTEGER NOT NULL, 
	contract_id VARCHAR(64) NOT NULL, 
	hub INTEGER NOT NULL, 
	token_type SMALLINT NOT NULL, 
	token_id VARCHAR(64) NOT NULL, 
	printed_number VARCHAR(150) NOT NULL, 
	expiry_date VARCHAR(10) NOT NULL, 
	pin VARCHAR(32) NOT NULL, 
	pin_mandatory SMALLINT NOT NULL, 
	activated SMALLINT NOT NULL, 
	token_hash VARCHAR(128) NOT NULL, 
	CONSTRAINT pk_authorisation PRIMARY KEY (partner_id, generation, position)
)
 WITHOUT ROWID

;
INSERT INTO "authorisation" VALUES(1,2,0,'NL-TNM-000000',5,0,'C0FFEE00000000','printed 0','28/02/2027','secret0',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,1,'NL-TNM-000001',5,1,'C0FFEE00000001','printed 1','','secret1',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,2,'NL-TNM-000002',5,2,'C0FFEE00000002','printed 2','','secret2',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,3,'NL-TNM-000003',5,3,'C0FFEE00000003','printed 3','28/02/2027','secret3',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,4,'NL-TNM-000004',5,0,'C0FFEE00000004','printed 4','','secret4',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,5,'NL-TNM-000005',5,1,'C0FFEE00000005','printed 5','','secret5',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,6,'NL-TNM-000006',5,2,'C0FFEE00000006','printed 6','28/02/2027','secret6',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,7,'NL-TNM-000007',5,3,'C0FFEE00000007','printed 7','','secret7',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,8,'NL-TNM-000008',5,0,'C0FFEE00000008','printed 8','','secret8',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,9,'NL-TNM-000009',5,1,'C0FFEE00000009','printed 9','28/02/2027','secret9',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,10,'NL-TNM-000010',5,2,'C0FFEE0000000A','printed 10','','secret10',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,11,'NL-TNM-000011',5,3,'C0FFEE0000000B','printed 11','','secret11',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,12,'NL-TNM-000012',5,0,'C0FFEE0000000C','printed 12','28/02/2027','secret12',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,13,'NL-TNM-000013',5,1,'C0FFEE0000000D','printed 13','','secret13',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,14,'NL-TNM-000014',5,2,'C0FFEE0000000E','printed 14','','secret14',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,15,'NL-TNM-000015',5,3,'C0FFEE0000000F','printed 15','28/02/2027','secret15',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,16,'NL-TNM-000016',5,0,'C0FFEE00000010','printed 16','','secret16',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,17,'NL-TNM-000017',5,1,'C0FFEE00000011','printed 17','','secret17',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,18,'NL-TNM-000018',5,2,'C0FFEE00000012','printed 18','28/02/2027','secret18',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,19,'NL-TNM-000019',5,3,'C0FFEE00000013','printed 19','','secret19',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,20,'NL-TNM-000020',5,0,'C0FFEE00000014','printed 20','','secret20',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,21,'NL-TNM-000021',5,1,'C0FFEE00000015','printed 21','28/02/2027','secret21',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,22,'NL-TNM-000022',5,2,'C0FFEE00000016','printed 22','','secret22',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,23,'NL-TNM-000023',5,3,'C0FFEE00000017','printed 23','','secret23',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,24,'NL-TNM-000024',5,0,'C0FFEE00000018','printed 24','28/02/2027','secret24',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,25,'NL-TNM-000025',5,1,'C0FFEE00000019','printed 25','','secret25',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,26,'NL-TNM-000026',5,2,'C0FFEE0000001A','printed 26','','secret26',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,27,'NL-TNM-000027',5,3,'C0FFEE0000001B','printed 27','28/02/2027','secret27',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,28,'NL-TNM-000028',5,0,'C0FFEE0000001C','printed 28','','secret28',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,29,'NL-TNM-000029',5,1,'C0FFEE0000001D','printed 29','','secret29',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,30,'NL-TNM-000030',5,2,'C0FFEE0000001E','printed 30','28/02/2027','secret30',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,31,'NL-TNM-000031',5,3,'C0FFEE0000001F','printed 31','','secret31',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,32,'NL-TNM-000032',5,0,'C0FFEE00000020','printed 32','','secret32',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,33,'NL-TNM-000033',5,1,'C0FFEE00000021','printed 33','28/02/2027','secret33',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,34,'NL-TNM-000034',5,2,'C0FFEE00000022','printed 34','','secret34',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,35,'NL-TNM-000035',5,3,'C0FFEE00000023','printed 35','','secret35',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,36,'NL-TNM-000036',5,0,'C0FFEE00000024','printed 36','28/02/2027','secret36',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,37,'NL-TNM-000037',5,1,'C0FFEE00000025','printed 37','','secret37',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,38,'NL-TNM-000038',5,2,'C0FFEE00000026','printed 38','','secret38',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,39,'NL-TNM-000039',5,3,'C0FFEE00000027','printed 39','28/02/2027','secret39',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,40,'NL-TNM-000040',5,0,'C0FFEE00000028','printed 40','','secret40',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,41,'NL-TNM-000041',5,1,'C0FFEE00000029','printed 41','','secret41',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,42,'NL-TNM-000042',5,2,'C0FFEE0000002A','printed 42','28/02/2027','secret42',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,43,'NL-TNM-000043',5,3,'C0FFEE0000002B','printed 43','','secret43',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,44,'NL-TNM-000044',5,0,'C0FFEE0000002C','printed 44','','secret44',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,45,'NL-TNM-000045',5,1,'C0FFEE0000002D','printed 45','28/02/2027','secret45',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,46,'NL-TNM-000046',5,2,'C0FFEE0000002E','printed 46','','secret46',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,47,'NL-TNM-000047',5,3,'C0FFEE0000002F','printed 47','','secret47',0,1,'');
INSERT INTO "authorisation" VALUES(1,2,48,'NL-TNM-000048',5,0,'C0FFEE00000030','printed 48','28/02/2027','secret48',0,0,'');
INSERT INTO "authorisation" VALUES(1,2,49,'NL-TNM-000049',5,1,'C0FFEE00000031','printed 49','','secret49',0,1,'');
INSERT INTO "authorisation" VALUES(2,1,0,'NL-TNM-000100',3,1,'C0FFEE00000064','ü % <&> ''x''','31/12/2027','secret100',0,1,'');
INSERT INTO "authorisation" VALUES(2,1,1,'NL-TNM-000101',3,1,'C0FFEE00000065','ü % <&> ''x''','31/12/2027','secret101',0,1,'');
INSERT INTO "authorisation" VALUES(2,1,2,'NL-TNM-000102',3,1,'C0FFEE00000066','ü % <&> ''x''','31/12/2027','secret102',0,1,'');
INSERT INTO "authorisation" VALUES(2,1,3,'NL-TNM-000103',3,1,'C0FFEE00000067','ü % <&> ''x''','31/12/2027','secret103',0,1,'');
INSERT INTO "authorisation" VALUES(2,1,4,'NL-TNM-000104',3,1,'C0FFEE00000068','ü % <&> ''x''','31/12/2027','secret104',0,1,'');
INSERT INTO "authorisation" VALUES(2,1,5,'NL-TNM-000105',3,1,'C0FFEE00000069','ü % <&> ''x''','31/12/2027','secret105',0,1,'');
INSERT INTO "authorisation" VALUES(2,1,6,'NL-TNM-000106',3,1,'C0FFEE0000006A','ü % <&> ''x''','31/12/2027','secret106',0,1,'');
INSERT INTO "authorisation" VALUES(2,1,7,'NL-TNM-000107',3,1,'C0FFEE0000006B','ü % <&> ''x''','31/12/2027','secret107',0,1,'');
INSERT INTO "authorisation" VALUES(2,1,8,'NL-TNM-000108',3,1,'C0FFEE0000006C','ü % <&> ''x''','31/12/2027','secret108',0,1,'');
INSERT INTO "authorisation" VALUES(2,1,9,'NL-TNM-000109',3,1,'C0FFEE0000006D','ü % <&> ''x''','31/12/2027','secret109',0,1,'');
CREATE TABLE cdr (
	id INTEGER NOT NULL, 
	operator_key VARCHAR(192) NOT NULL, 
	provider_key VARCHAR(192) NOT NULL, 
	operator_partner_id INTEGER NOT NULL, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME NOT NULL, 
	duration_s INTEGER, 
	volume_e4_kwh BIGINT NOT NULL, 
	received_at DATETIME NOT NULL, 
	request_id VARCHAR(26) NOT NULL, 
	cdr_id VARCHAR(64) NOT NULL, 
	start_datetime VARCHAR(40) NOT NULL, 
	end_datetime VARCHAR(40) NOT NULL, 
	duration VARCHAR(16) NOT NULL, 
	volume VARCHAR(20) NOT NULL, 
	address VARCHAR(255) NOT NULL, 
	postal_code VARCHAR(32) NOT NULL, 
	city VARCHAR(255) NOT NULL, 
	country VARCHAR(64) NOT NULL, 
	chargepoint_type VARCHAR(64) NOT NULL, 
	product_type VARCHAR(64) NOT NULL, 
	tariff_type VARCHAR(64) NOT NULL, 
	token_id VARCHAR(64) NOT NULL, 
	contract_id VARCHAR(64) NOT NULL, 
	meter_id VARCHAR(64) NOT NULL, 
	obis_code VARCHAR(64) NOT NULL, 
	chargepoint_id VARCHAR(64) NOT NULL, 
	provider_id VARCHAR(64) NOT NULL, 
	operator_id VARCHAR(64) NOT NULL, 
	evse_id VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_cdr PRIMARY KEY (id), 
	CONSTRAINT fk_cdr_operator_partner_id FOREIGN KEY(operator_partner_id) REFERENCES partner (id), 
	CONSTRAINT uq_cdr_operator_key_cdr_id UNIQUE (operator_key, cdr_id)
);
INSERT INTO "cdr" VALUES(5,'thenewmotion','anwb',1,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000',7074,46400,'2026-11-20 12:00:00.000000','02000000000000000000000002','2000','2014-01-22 10:16:38','2014-01-22 12:14:33','7074','4.6400','Roggestraat 111-163','7311','Apeldoorn','NLD','2','0','A0','','NL-ANW-133094-6','01000851','','01000851','ANWB','TheNewMotion','01000851');
INSERT INTO "cdr" VALUES(6,'thenewmotion','anwb',1,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000',7074,46400,'2026-11-20 12:00:00.000000','02000000000000000000000002','2001','2014-01-22 10:16:38','2014-01-22 12:14:33','7074','4.6400','Roggestraat 111-163','7311','Apeldoorn','NLD','2','0','A0','','NL-ANW-133094-6','01000851','','01000851','ANWB','TheNewMotion','01000851');
INSERT INTO "cdr" VALUES(7,'thenewmotion','anwb',1,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000',7074,46400,'2026-11-20 12:00:00.000000','02000000000000000000000002','2002','2014-01-22 10:16:38','2014-01-22 12:14:33','7074','4.6400','Roggestraat 111-163','7311','Apeldoorn','NLD','2','0','A0','','NL-ANW-133094-6','01000851','','01000851','ANWB','TheNewMotion','01000851');
INSERT INTO "cdr" VALUES(8,'thenewmotion','anwb',1,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000',7074,46400,'2026-11-20 12:00:00.000000','02000000000000000000000002','2003','2014-01-22 10:16:38','2014-01-22 12:14:33','7074','4.6400','Roggestraat 111-163','7311','Apeldoorn','NLD','2','0','A0','','NL-ANW-133094-6','01000851','','01000851','ANWB','TheNewMotion','01000851');
INSERT INTO "cdr" VALUES(9,'thenewmotion','anwb',1,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000',7074,46400,'2026-11-20 12:00:00.000000','02000000000000000000000002','2004','2014-01-22 10:16:38','2014-01-22 12:14:33','7074','4.6400','Roggestraat 111-163','7311','Apeldoorn','NLD','2','0','A0','','NL-ANW-133094-6','01000851','','01000851','ANWB','TheNewMotion','01000851');
INSERT INTO "cdr" VALUES(10,'thenewmotion','anwb',1,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000',7074,46400,'2026-11-20 12:00:00.000000','02000000000000000000000002','2005','2014-01-22 10:16:38','2014-01-22 12:14:33','7074','4.6400','Roggestraat 111-163','7311','Apeldoorn','NLD','2','0','A0','','NL-ANW-133094-6','01000851','','01000851','ANWB','TheNewMotion','01000851');
INSERT INTO "cdr" VALUES(11,'thenewmotion','bmw',1,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000',7074,46400,'2026-11-20 12:00:00.000000','02000000000000000000000002','ü 1','2014-01-22 10:16:38','2014-01-22 12:14:33','7074','4.6400','Roggestraat 111-163','7311','Apeldoorn','NLD','2','0','A0','','NL-ANW-133094-6','01000851','','01000851','bmw','TheNewMotion','01000851');
INSERT INTO "cdr" VALUES(12,'ladenetz.de','anwb',2,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000',7074,46400,'2026-11-20 13:00:00.000000','02000000000000000000000004','1','2014-01-22 10:16:38','2014-01-22 12:14:33','7074','4.6400','Roggestraat 111-163','7311','Apeldoorn','NLD','2','0','A0','','NL-ANW-133094-6','01000851','','01000851','ANWB','ladenetz.de','01000851');
INSERT INTO "cdr" VALUES(13,'ladenetz.de','thenewmotion',2,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000',7074,46400,'2026-11-20 13:00:00.000000','02000000000000000000000004','2','2014-01-22 10:16:38','2014-01-22 12:14:33','7074','4.6400','Roggestraat 111-163','7311','Apeldoorn','NLD','2','0','A0','','NL-ANW-133094-6','01000851','','01000851','TheNewMotion','ladenetz.de','01000851');
INSERT INTO "cdr" VALUES(14,'thenewmotion','anwb',1,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000',7074,46400,'2026-11-20 14:00:00.000000','02000000000000000000000006','3000','2014-01-22 10:16:38','2014-01-22 12:14:33','7074','4.6400','Roggestraat 111-163','7311','Apeldoorn','NLD','2','0','A0','','NL-ANW-133094-6','01000851','','01000851','ANWB','TheNewMotion','01000851');
INSERT INTO "cdr" VALUES(15,'thenewmotion','anwb',1,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000',7074,46400,'2026-11-20 14:00:00.000000','02000000000000000000000006','3001','2014-01-22 10:16:38','2014-01-22 12:14:33','7074','4.6400','Roggestraat 111-163','7311','Apeldoorn','NLD','2','0','A0','','NL-ANW-133094-6','01000851','','01000851','ANWB','TheNewMotion','01000851');
INSERT INTO "cdr" VALUES(16,'thenewmotion','anwb',1,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000',7074,46400,'2026-11-20 14:00:00.000000','02000000000000000000000006','3002','2014-01-22 10:16:38','2014-01-22 12:14:33','7074','4.6400','Roggestraat 111-163','7311','Apeldoorn','NLD','2','0','A0','','NL-ANW-133094-6','01000851','','01000851','ANWB','TheNewMotion','01000851');
INSERT INTO "cdr" VALUES(17,'thenewmotion','nobody yet',1,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000',7074,46400,'2026-11-20 14:00:00.000000','02000000000000000000000006','3003','2014-01-22 10:16:38','2014-01-22 12:14:33','7074','4.6400','Roggestraat 111-163','7311','Apeldoorn','NLD','2','0','A0','','NL-ANW-133094-6','01000851','','01000851','nobody yet','TheNewMotion','01000851');
INSERT INTO "cdr" VALUES(18,'thenewmotion','anwb',1,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000',7074,46400,'2026-11-20 15:00:00.000000','02000000000000000000000007','3005','2014-01-22 10:16:38','2014-01-22 12:14:33','7074','4.6400','Roggestraat 111-163','7311','Apeldoorn','NLD','2','0','A0','','NL-ANW-133094-6','01000851','','01000851','ANWB','TheNewMotion','01000851');
CREATE TABLE "cdr_cleared" (
	cdr_id INTEGER NOT NULL, 
	run_number INTEGER NOT NULL, 
	operator_partner_id INTEGER NOT NULL, 
	provider_partner_id INTEGER NOT NULL, 
	CONSTRAINT pk_cdr_cleared PRIMARY KEY (cdr_id)
);
INSERT INTO "cdr_cleared" VALUES(5,2,1,3);
INSERT INTO "cdr_cleared" VALUES(6,2,1,3);
INSERT INTO "cdr_cleared" VALUES(7,2,1,3);
INSERT INTO "cdr_cleared" VALUES(8,2,1,3);
INSERT INTO "cdr_cleared" VALUES(9,2,1,3);
INSERT INTO "cdr_cleared" VALUES(10,2,1,3);
INSERT INTO "cdr_cleared" VALUES(12,3,2,3);
INSERT INTO "cdr_cleared" VALUES(13,3,2,1);
INSERT INTO "cdr_cleared" VALUES(14,4,1,3);
INSERT INTO "cdr_cleared" VALUES(15,4,1,3);
INSERT INTO "cdr_cleared" VALUES(16,4,1,3);
INSERT INTO "cdr_cleared" VALUES(18,4,1,3);
CREATE TABLE cdr_decision (
	cdr_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	reason VARCHAR(200) NOT NULL, 
	decided_at DATETIME NOT NULL, 
	decided_by VARCHAR(200) NOT NULL, 
	request_id VARCHAR(26) NOT NULL, 
	CONSTRAINT pk_cdr_decision PRIMARY KEY (cdr_id, number), 
	CONSTRAINT ck_cdr_decision_ck_cdr_decision_kind CHECK (kind IN ('hold', 'release', 'reject')), 
	CONSTRAINT fk_cdr_decision_cdr_id FOREIGN KEY(cdr_id) REFERENCES cdr (id)
);
CREATE TABLE cdr_purged (
	operator_key VARCHAR(192) NOT NULL, 
	cdr_id VARCHAR(64) NOT NULL, 
	content_hash VARCHAR(64) NOT NULL, 
	run_number INTEGER NOT NULL, request_id VARCHAR(26), row_id BIGINT, volume_e4_kwh BIGINT, 
	CONSTRAINT pk_cdr_purged PRIMARY KEY (operator_key, cdr_id)
);
INSERT INTO "cdr_purged" VALUES('thenewmotion','1000','d28dc1aca8d8a72320c3ed6d3715c6d4d104c610dce3c39c4ebc0e65453cb476',1,'02000000000000000000000000',1,46400);
INSERT INTO "cdr_purged" VALUES('thenewmotion','1001','5c556a0c9ffcb4173760d2e08fdfe694c51f50701abb0370f73741798217d937',1,'02000000000000000000000000',2,46400);
INSERT INTO "cdr_purged" VALUES('thenewmotion','1002','0ed4f21524e3b10a01d9bf164df2d4df5bfd64b23c9c75b1def6a63723f775be',1,'02000000000000000000000000',3,46400);
INSERT INTO "cdr_purged" VALUES('thenewmotion','1003','e6b6f68fae5189f2a9999bec56a25a367214121302bb10af131f2918cebdbe1e',1,'02000000000000000000000000',4,46400);
CREATE TABLE "cdr_uncleared" (
	cdr_id INTEGER NOT NULL, 
	provider_key VARCHAR(192) NOT NULL, 
	CONSTRAINT pk_cdr_uncleared PRIMARY KEY (cdr_id)
);
INSERT INTO "cdr_uncleared" VALUES(11,'bmw');
INSERT INTO "cdr_uncleared" VALUES(17,'nobody yet');
CREATE TABLE cdr_warning (
	cdr_id INTEGER NOT NULL, 
	name VARCHAR(40) NOT NULL, 
	field VARCHAR(40) NOT NULL, 
	detail VARCHAR(400) NOT NULL, 
	CONSTRAINT pk_cdr_warning PRIMARY KEY (cdr_id, name), 
	CONSTRAINT fk_cdr_warning_cdr_id FOREIGN KEY(cdr_id) REFERENCES cdr (id)
);
INSERT INTO "cdr_warning" VALUES(5,'CARD_OVERLAP','token_id','overlaps CDR "2001" of the same partner, by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(5,'CDR_OLD','start_datetime','the session began 4686 days ago; more than 90 is late');
INSERT INTO "cdr_warning" VALUES(5,'SOCKET_OVERLAP','evse_id','overlaps CDR "2001" of the same partner, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(6,'CARD_OVERLAP','token_id','overlaps CDR "2000" of the same partner, by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(6,'CDR_OLD','start_datetime','the session began 4686 days ago; more than 90 is late');
INSERT INTO "cdr_warning" VALUES(6,'SOCKET_OVERLAP','evse_id','overlaps CDR "2000" of the same partner, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(7,'CARD_OVERLAP','token_id','overlaps CDR "2000" of the same partner, by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(7,'CDR_OLD','start_datetime','the session began 4686 days ago; more than 90 is late');
INSERT INTO "cdr_warning" VALUES(7,'SOCKET_OVERLAP','evse_id','overlaps CDR "2000" of the same partner, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(8,'CARD_OVERLAP','token_id','overlaps CDR "2000" of the same partner, by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(8,'CDR_OLD','start_datetime','the session began 4686 days ago; more than 90 is late');
INSERT INTO "cdr_warning" VALUES(8,'SOCKET_OVERLAP','evse_id','overlaps CDR "2000" of the same partner, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(9,'CARD_OVERLAP','token_id','overlaps CDR "2000" of the same partner, by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(9,'CDR_OLD','start_datetime','the session began 4686 days ago; more than 90 is late');
INSERT INTO "cdr_warning" VALUES(9,'SOCKET_OVERLAP','evse_id','overlaps CDR "2000" of the same partner, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(10,'CARD_OVERLAP','token_id','overlaps CDR "2000" of the same partner, by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(10,'CDR_OLD','start_datetime','the session began 4686 days ago; more than 90 is late');
INSERT INTO "cdr_warning" VALUES(10,'SOCKET_OVERLAP','evse_id','overlaps CDR "2000" of the same partner, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(11,'CARD_OVERLAP','token_id','overlaps CDR "2000" of the same partner, by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(11,'CDR_OLD','start_datetime','the session began 4686 days ago; more than 90 is late');
INSERT INTO "cdr_warning" VALUES(11,'SOCKET_OVERLAP','evse_id','overlaps CDR "2000" of the same partner, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(12,'CARD_OVERLAP','token_id','overlaps CDR "2" of the same partner, by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(12,'CARD_OVERLAP_ELSEWHERE','token_id','overlaps CDR "2000" of "TheNewMotion", by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(12,'CDR_OLD','start_datetime','the session began 4686 days ago; more than 90 is late');
INSERT INTO "cdr_warning" VALUES(12,'SOCKET_OVERLAP','evse_id','overlaps CDR "2" of the same partner, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(13,'CARD_OVERLAP','token_id','overlaps CDR "1" of the same partner, by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(13,'CARD_OVERLAP_ELSEWHERE','token_id','overlaps CDR "2000" of "TheNewMotion", by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(13,'CDR_OLD','start_datetime','the session began 4686 days ago; more than 90 is late');
INSERT INTO "cdr_warning" VALUES(13,'SOCKET_OVERLAP','evse_id','overlaps CDR "1" of the same partner, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(14,'CARD_OVERLAP','token_id','overlaps CDR "2000" of the same partner, by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(14,'CARD_OVERLAP_ELSEWHERE','token_id','overlaps CDR "1" of "ladenetz.de", by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(14,'CDR_OLD','start_datetime','the session began 4686 days ago; more than 90 is late');
INSERT INTO "cdr_warning" VALUES(14,'SOCKET_OVERLAP','evse_id','overlaps CDR "2000" of the same partner, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(15,'CARD_OVERLAP','token_id','overlaps CDR "2000" of the same partner, by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(15,'CARD_OVERLAP_ELSEWHERE','token_id','overlaps CDR "1" of "ladenetz.de", by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(15,'CDR_OLD','start_datetime','the session began 4686 days ago; more than 90 is late');
INSERT INTO "cdr_warning" VALUES(15,'SOCKET_OVERLAP','evse_id','overlaps CDR "2000" of the same partner, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(16,'CARD_OVERLAP','token_id','overlaps CDR "2000" of the same partner, by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(16,'CARD_OVERLAP_ELSEWHERE','token_id','overlaps CDR "1" of "ladenetz.de", by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(16,'CDR_OLD','start_datetime','the session began 4686 days ago; more than 90 is late');
INSERT INTO "cdr_warning" VALUES(16,'SOCKET_OVERLAP','evse_id','overlaps CDR "2000" of the same partner, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(17,'CARD_OVERLAP','token_id','overlaps CDR "2000" of the same partner, by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(17,'CARD_OVERLAP_ELSEWHERE','token_id','overlaps CDR "1" of "ladenetz.de", by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(17,'CDR_OLD','start_datetime','the session began 4686 days ago; more than 90 is late');
INSERT INTO "cdr_warning" VALUES(17,'SOCKET_OVERLAP','evse_id','overlaps CDR "2000" of the same partner, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(18,'CARD_OVERLAP','token_id','overlaps CDR "2000" of the same partner, by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(18,'CARD_OVERLAP_ELSEWHERE','token_id','overlaps CDR "1" of "ladenetz.de", by the same card or contract, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
INSERT INTO "cdr_warning" VALUES(18,'CDR_OLD','start_datetime','the session began 4686 days ago; more than 90 is late');
INSERT INTO "cdr_warning" VALUES(18,'SOCKET_OVERLAP','evse_id','overlaps CDR "2000" of the same partner, 2014-01-22T09:16:38Z to 2014-01-22T11:14:33Z');
CREATE TABLE "chargepoint" (
	partner_id INTEGER NOT NULL, 
	generation BIGINT NOT NULL, 
	position INTEGER NOT NULL, 
	evse_id VARCHAR(64) NOT NULL, 
	location_name VARCHAR(255) NOT NULL, 
	location_name_language VARCHAR(16) NOT NULL, 
	house_number VARCHAR(32) NOT NULL, 
	street_name VARCHAR(255) NOT NULL, 
	city VARCHAR(255) NOT NULL, 
	postal_code VARCHAR(32) NOT NULL, 
	latitude VARCHAR(32) NOT NULL, 
	longitude VARCHAR(32) NOT NULL, 
	entrance_latitude VARCHAR(32) NOT NULL, 
	entrance_longitude VARCHAR(32) NOT NULL, 
	opening_times VARCHAR(4000) NOT NULL, 
	outlet_status VARCHAR(64) NOT NULL, 
	energy_provider VARCHAR(255) NOT NULL, 
	hub_name VARCHAR(255) NOT NULL, 
	telephone_number VARCHAR(64) NOT NULL, 
	floor_level VARCHAR(32) NOT NULL, 
	payment_method VARCHAR(255) NOT NULL, 
	receptacle_type VARCHAR(255) NOT NULL, 
	CONSTRAINT pk_chargepoint PRIMARY KEY (partner_id, generation, position)
)
 WITHOUT ROWID

;
INSERT INTO "chargepoint" VALUES(1,1,0,'DE*LND*E00200','Dom/Hbf','de','1','Trankgasse','Köln','50667','50.942','6.958','','','','available','RheinEnergie','ladenetz.de','','0','','Mennekes Type II');
INSERT INTO "chargepoint" VALUES(1,1,1,'DE*LND*E00201','Dom/Hbf','de','1','Trankgasse','Köln','50667','50.942','6.958','','','','available','RheinEnergie','ladenetz.de','','0','','Mennekes Type II');
INSERT INTO "chargepoint" VALUES(1,1,2,'DE*LND*E00202','Dom/Hbf','de','1','Trankgasse','Köln','50667','50.942','6.958','','','','available','RheinEnergie','ladenetz.de','','0','','Mennekes Type II');
INSERT INTO "chargepoint" VALUES(2,1,0,'DE*LND*E00000','Dom/Hbf','de','1','Trankgasse','Köln','50667','50.942','6.958','','','','available','RheinEnergie','ladenetz.de','','0','','Mennekes Type II');
INSERT INTO "chargepoint" VALUES(2,1,1,'DE*LND*E00001','Dom/Hbf','de','1','Trankgasse','Köln','50667','50.942','6.958','','','','available','RheinEnergie','ladenetz.de','','0','','Mennekes Type II');
INSERT INTO "chargepoint" VALUES(2,1,2,'DE*LND*E00002','Dom/Hbf','de','1','Trankgasse','Köln','50667','50.942','6.958','','','','available','RheinEnergie','ladenetz.de','','0','','Mennekes Type II');
INSERT INTO "chargepoint" VALUES(2,1,3,'DE*LND*E00003','Dom/Hbf','de','1','Trankgasse','Köln','50667','50.942','6.958','','','','available','RheinEnergie','ladenetz.de','','0','','Mennekes Type II');
INSERT INTO "chargepoint" VALUES(2,1,4,'DE*LND*E00004','Dom/Hbf','de','1','Trankgasse','Köln','50667','50.942','6.958','','','','available','RheinEnergie','ladenetz.de','','0','','Mennekes Type II');
INSERT INTO "chargepoint" VALUES(2,1,5,'DE*LND*E00005','Dom/Hbf','de','1','Trankgasse','Köln','50667','50.942','6.958','','','','available','RheinEnergie','ladenetz.de','','0','','Mennekes Type II');
INSERT INTO "chargepoint" VALUES(2,1,6,'DE*LND*E00006','Dom/Hbf','de','1','Trankgasse','Köln','50667','50.942','6.958','','','','available','RheinEnergie','ladenetz.de','','0','','Mennekes Type II');
INSERT INTO "chargepoint" VALUES(2,1,7,'DE*LND*E00007','Dom/Hbf','de','1','Trankgasse','Köln','50667','50.942','6.958','','','','available','RheinEnergie','ladenetz.de','','0','','Mennekes Type II');
INSERT INTO "chargepoint" VALUES(2,1,8,'DE*LND*E00099','Dom/Hbf','de','1','Trankgasse','Köln','50667','52,1','6.958','','','','available','RheinEnergie','ladenetz.de','','0','','Mennekes Type II');
CREATE TABLE chargepoint_list (
	partner_id INTEGER NOT NULL, 
	generation BIGINT NOT NULL, 
	record_count INTEGER NOT NULL, 
	replaced_at DATETIME NOT NULL, mark VARCHAR(32) DEFAULT '' NOT NULL, 
	CONSTRAINT pk_chargepoint_list PRIMARY KEY (partner_id), 
	CONSTRAINT fk_chargepoint_list_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id)
);
INSERT INTO "chargepoint_list" VALUES(1,1,3,'2026-11-20 16:00:00.000000','ba22e8187e7dba4fbcb4a95b0206686e');
INSERT INTO "chargepoint_list" VALUES(2,1,9,'2026-11-20 14:00:00.000000','9f594e4f5ffe43c0268a8f4116f13645');
CREATE TABLE clearing_run (
	number INTEGER NOT NULL, 
	cleared_at DATETIME NOT NULL, 
	cleared_by VARCHAR(80) NOT NULL, 
	request_id VARCHAR(26) NOT NULL, 
	cdr_count INTEGER NOT NULL, 
	volume_e4_kwh BIGINT NOT NULL, purged_at DATETIME, layout INTEGER, issuer_hash VARCHAR(64), 
	CONSTRAINT pk_clearing_run PRIMARY KEY (number)
);
INSERT INTO "clearing_run" VALUES(1,'2025-07-09 12:00:00.000000','test','02000000000000000000000001',4,185600,'2026-11-20 13:00:00.000000',3,'c944b45bb920affb54a64831c3f8d3c4cd300d01ee056c06becab99eb64d6c6b');
INSERT INTO "clearing_run" VALUES(2,'2026-11-20 12:00:00.000000','test','02000000000000000000000003',6,278400,NULL,3,'c944b45bb920affb54a64831c3f8d3c4cd300d01ee056c06becab99eb64d6c6b');
INSERT INTO "clearing_run" VALUES(3,'2026-11-20 13:00:00.000000','test','02000000000000000000000005',2,92800,NULL,3,'c944b45bb920affb54a64831c3f8d3c4cd300d01ee056c06becab99eb64d6c6b');
INSERT INTO "clearing_run" VALUES(4,'2026-11-20 15:00:00.000000','test','02000000000000000000000008',4,185600,NULL,3,'c944b45bb920affb54a64831c3f8d3c4cd300d01ee056c06becab99eb64d6c6b');
CREATE TABLE clearing_run_left (
	run_number INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	operator_partner_id INTEGER NOT NULL, 
	provider_partner_id INTEGER, 
	operator_id VARCHAR(64) NOT NULL, 
	provider_id VARCHAR(64) NOT NULL, 
	cdr_id VARCHAR(64) NOT NULL, 
	why VARCHAR(8) NOT NULL, 
	reason VARCHAR(200) NOT NULL, 
	cdr_count INTEGER NOT NULL, 
	volume_e4_kwh BIGINT NOT NULL, 
	CONSTRAINT pk_clearing_run_left PRIMARY KEY (run_number, position), 
	CONSTRAINT fk_clearing_run_left_run_number FOREIGN KEY(run_number) REFERENCES clearing_run (number)
);
INSERT INTO "clearing_run_left" VALUES(2,0,1,NULL,'TheNewMotion','bmw','','held','nobody has this provider id',1,46400);
INSERT INTO "clearing_run_left" VALUES(3,0,1,NULL,'TheNewMotion','bmw','','held','nobody has this provider id',1,46400);
INSERT INTO "clearing_run_left" VALUES(4,0,1,NULL,'TheNewMotion','bmw','','held','nobody has this provider id',1,46400);
INSERT INTO "clearing_run_left" VALUES(4,1,1,NULL,'TheNewMotion','nobody yet','','held','nobody has this provider id',1,46400);
CREATE TABLE clearing_run_pair (
	run_number INTEGER NOT NULL, 
	operator_partner_id INTEGER NOT NULL, 
	operator_key VARCHAR(192) NOT NULL, 
	provider_key VARCHAR(192) NOT NULL, 
	provider_partner_id INTEGER NOT NULL, 
	operator_id VARCHAR(64) NOT NULL, 
	provider_id VARCHAR(64) NOT NULL, 
	cdr_count INTEGER NOT NULL, 
	volume_e4_kwh BIGINT NOT NULL, 
	first_started_at DATETIME NOT NULL, 
	last_ended_at DATETIME NOT NULL, 
	CONSTRAINT pk_clearing_run_pair PRIMARY KEY (run_number, operator_partner_id, operator_key, provider_key), 
	CONSTRAINT fk_clearing_run_pair_operator_partner_id FOREIGN KEY(operator_partner_id) REFERENCES partner (id), 
	CONSTRAINT fk_clearing_run_pair_provider_partner_id FOREIGN KEY(provider_partner_id) REFERENCES partner (id), 
	CONSTRAINT fk_clearing_run_pair_run_number FOREIGN KEY(run_number) REFERENCES clearing_run (number)
);
INSERT INTO "clearing_run_pair" VALUES(1,1,'thenewmotion','anwb',3,'TheNewMotion','ANWB',4,185600,'2025-06-01 10:00:00.000000','2025-06-04 11:00:00.000000');
INSERT INTO "clearing_run_pair" VALUES(2,1,'thenewmotion','anwb',3,'TheNewMotion','ANWB',6,278400,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000');
INSERT INTO "clearing_run_pair" VALUES(3,2,'ladenetz.de','anwb',3,'ladenetz.de','ANWB',1,46400,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000');
INSERT INTO "clearing_run_pair" VALUES(3,2,'ladenetz.de','thenewmotion',1,'ladenetz.de','TheNewMotion',1,46400,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000');
INSERT INTO "clearing_run_pair" VALUES(4,1,'thenewmotion','anwb',3,'TheNewMotion','ANWB',4,185600,'2014-01-22 09:16:38.000000','2014-01-22 11:14:33.000000');
CREATE TABLE clearing_run_party (
	run_number INTEGER NOT NULL, 
	partner_id INTEGER NOT NULL, 
	user_id VARCHAR(64) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	timezone VARCHAR(64) NOT NULL, 
	first_served_at DATETIME, address TEXT DEFAULT '' NOT NULL, vat_id VARCHAR(40) DEFAULT '' NOT NULL, 
	CONSTRAINT pk_clearing_run_party PRIMARY KEY (run_number, partner_id), 
	CONSTRAINT fk_clearing_run_party_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id), 
	CONSTRAINT fk_clearing_run_party_run_number FOREIGN KEY(run_number) REFERENCES clearing_run (number)
);
INSERT INTO "clearing_run_party" VALUES(1,1,'tnm','The New Motion','Europe/Amsterdam','2025-07-09 12:00:00.000000','','');
INSERT INTO "clearing_run_party" VALUES(1,3,'anwb','ANWB','Europe/Amsterdam','2025-07-09 12:00:00.000000','','');
INSERT INTO "clearing_run_party" VALUES(2,1,'tnm','The New Motion','Europe/Amsterdam',NULL,'','');
INSERT INTO "clearing_run_party" VALUES(2,3,'anwb','ANWB','Europe/Amsterdam','2026-11-20 14:00:00.000000','','');
INSERT INTO "clearing_run_party" VALUES(3,1,'tnm','The New Motion','Europe/Amsterdam',NULL,'','');
INSERT INTO "clearing_run_party" VALUES(3,2,'lnd','ladenetz.de Köln, Łódź','Europe/Berlin',NULL,'','');
INSERT INTO "clearing_run_party" VALUES(3,3,'anwb','ANWB','Europe/Amsterdam','2026-11-20 14:00:00.000000','','');
INSERT INTO "clearing_run_party" VALUES(4,1,'tnm','The New Motion','Europe/Amsterdam',NULL,'A 1','NL1');
INSERT INTO "clearing_run_party" VALUES(4,3,'anwb','ANWB','Europe/Amsterdam',NULL,'','');
CREATE TABLE login (
	token_hash VARCHAR(64) NOT NULL, 
	partner_id INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	CONSTRAINT pk_login PRIMARY KEY (token_hash), 
	CONSTRAINT fk_login_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id)
);
INSERT INTO "login" VALUES('dd040f1f83f65e6abf778bceadd0d2fb7053d26f194f43e9ff4fe2fdb7e1b604',1,'2026-11-20 16:00:00.000000','2026-11-21 04:00:00.000000');
CREATE TABLE login_failure (
	subject VARCHAR(64) NOT NULL, 
	window BIGINT NOT NULL, 
	host VARCHAR(64) NOT NULL, 
	failures INTEGER NOT NULL, 
	CONSTRAINT pk_login_failure PRIMARY KEY (window, subject, host)
);
CREATE TABLE partner (
	id INTEGER NOT NULL, 
	user_id VARCHAR(64) NOT NULL, 
	user_key VARCHAR(192) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	password_hash VARCHAR(200) NOT NULL, 
	timezone VARCHAR(64) NOT NULL, 
	active BOOLEAN NOT NULL, 
	created_at DATETIME NOT NULL, numeric_pins BOOLEAN DEFAULT 0 NOT NULL, address TEXT DEFAULT '' NOT NULL, vat_id VARCHAR(40) DEFAULT '' NOT NULL, retired_at DATETIME, 
	CONSTRAINT pk_partner PRIMARY KEY (id), 
	CONSTRAINT uq_partner_user_key UNIQUE (user_key)
);
INSERT INTO "partner" VALUES(1,'tnm','tnm','The New Motion','$argon2id$v=19$m=19456,t=2,p=1$V6r1XuudE6J0jhFC6H3vfQ$/Tx5u/JEBuGD0u755oJRIMM6RdX5Lw1nuGEOH81IRyc','Europe/Amsterdam',1,'2025-07-09 12:00:00.000000',0,'A 1','NL1',NULL);
INSERT INTO "partner" VALUES(2,'lnd','lnd','ladenetz.de Köln, Łódź','$argon2id$v=19$m=19456,t=2,p=1$du69V4qREmJMCWEMYex97w$Qj8UDm1KUv41R2FKdD8ebXHNxsxaS7QlNsgOHrgZuzI','Europe/Berlin',1,'2025-07-09 12:00:00.000000',0,'','',NULL);
INSERT INTO "partner" VALUES(3,'anwb','anwb','ANWB','$argon2id$v=19$m=19456,t=2,p=1$Sul9D6E0hvDe+z+nFAIAAA$8Pk3ZD4VW2eRWiACokWbq/F8qsD08UohR9o1cw+gp38','Europe/Amsterdam',1,'2025-07-09 12:00:00.000000',0,'','',NULL);
INSERT INTO "partner" VALUES(4,'office','office','Clearing office','$argon2id$v=19$m=19456,t=2,p=1$as2Zcy4lhNAa4zyntFbq/Q$rD05VcF4pSw0LtPiGCaPEqqMLPiLKstWtRb1ST+jkTA','UTC',1,'2025-07-09 12:00:00.000000',0,'','',NULL);
CREATE TABLE partner_certificate (
	mark VARCHAR(64) NOT NULL, 
	partner_id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	ends_at DATETIME NOT NULL, 
	added_at DATETIME NOT NULL, 
	CONSTRAINT pk_partner_certificate PRIMARY KEY (partner_id, mark), 
	CONSTRAINT fk_partner_certificate_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id)
);
INSERT INTO "partner_certificate" VALUES('3dfc0fe92e201eb19ce39ab18274291bef4d5f0ba129dde45aff3e77782d1b4b',2,'CN=a partner''s back end','2027-11-20 14:00:00.000000','2026-11-20 14:00:00.000000');
CREATE TABLE partner_group (
	partner_id INTEGER NOT NULL, 
	group_name VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_partner_group PRIMARY KEY (partner_id, group_name), 
	CONSTRAINT fk_partner_group_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id)
);
INSERT INTO "partner_group" VALUES(4,'administrator');
CREATE TABLE partner_hub (
	partner_id INTEGER NOT NULL, 
	hub INTEGER NOT NULL, 
	CONSTRAINT pk_partner_hub PRIMARY KEY (partner_id, hub), 
	CONSTRAINT fk_partner_hub_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id)
);
INSERT INTO "partner_hub" VALUES(1,5);
INSERT INTO "partner_hub" VALUES(2,3);
CREATE TABLE party_id (
	partner_id INTEGER NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	party_key VARCHAR(192) NOT NULL, 
	party_id VARCHAR(64) NOT NULL, 
	active BOOLEAN NOT NULL, 
	CONSTRAINT pk_party_id PRIMARY KEY (partner_id, kind, party_key), 
	CONSTRAINT ck_party_id_kind CHECK (kind IN ('operator', 'provider')), 
	CONSTRAINT fk_party_id_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id)
);
INSERT INTO "party_id" VALUES(1,'operator','thenewmotion','TheNewMotion',1);
INSERT INTO "party_id" VALUES(1,'provider','thenewmotion','TheNewMotion',1);
INSERT INTO "party_id" VALUES(2,'operator','ladenetz.de','ladenetz.de',1);
INSERT INTO "party_id" VALUES(2,'provider','ladenetz.de','ladenetz.de',1);
INSERT INTO "party_id" VALUES(3,'provider','anwb','ANWB',1);
CREATE TABLE roaming_list (
	partner_id INTEGER NOT NULL, 
	generation BIGINT NOT NULL, 
	record_count INTEGER NOT NULL, 
	replaced_at DATETIME NOT NULL, mark VARCHAR(32) DEFAULT '' NOT NULL, 
	CONSTRAINT pk_roaming_list PRIMARY KEY (partner_id), 
	CONSTRAINT fk_roaming_list_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id)
);
INSERT INTO "roaming_list" VALUES(1,2,50,'2026-11-20 14:00:00.000000','bb053bca1821e0a33f8a93444148d0b7');
INSERT INTO "roaming_list" VALUES(2,1,10,'2026-11-20 14:00:00.000000','10a9a97655755aa7ca0139f6b8b05193');
CREATE TABLE statement_issuer (
	hash VARCHAR(64) NOT NULL, 
	facts TEXT NOT NULL, 
	logo BLOB, 
	CONSTRAINT pk_statement_issuer PRIMARY KEY (hash)
);
INSERT INTO "statement_issuer" VALUES('c944b45bb920affb54a64831c3f8d3c4cd300d01ee056c06becab99eb64d6c6b','{"address": [], "name": "", "register": "", "vat_id": ""}',NULL);
CREATE TABLE upload_receipt (
	request_id VARCHAR(26) NOT NULL, 
	received_at DATETIME NOT NULL, 
	partner_id INTEGER NOT NULL, 
	operation VARCHAR(40) NOT NULL, 
	channel VARCHAR(16) NOT NULL, 
	outcome VARCHAR(40) NOT NULL, 
	records INTEGER NOT NULL, 
	new INTEGER NOT NULL, 
	known INTEGER NOT NULL, 
	warned INTEGER NOT NULL, 
	problem_count INTEGER NOT NULL, 
	problems TEXT NOT NULL, 
	received_bytes BIGINT NOT NULL, 
	milliseconds INTEGER NOT NULL, 
	CONSTRAINT pk_upload_receipt PRIMARY KEY (request_id), 
	CONSTRAINT fk_upload_receipt_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id)
);
INSERT INTO "upload_receipt" VALUES('01M8FYQ4PDBFSFG04ZD0B8X59W','2026-11-20 16:00:00.000000',1,'set_chargepoint_list','http','ok',3,3,0,3,0,'[]',2729,22);
CREATE UNIQUE INDEX uq_party_id_active_owner ON party_id (kind, party_key) WHERE active;
CREATE INDEX ix_login_partner_id_created_at ON login (partner_id, created_at);
CREATE INDEX ix_clearing_run_party_partner_id ON clearing_run_party (partner_id);
CREATE INDEX ix_cdr_socket_started_at ON cdr (operator_partner_id, operator_key, coalesce(nullif(evse_id, ''), chargepoint_id), started_at);
CREATE INDEX ix_cdr_own_card_started_at ON cdr (operator_partner_id, coalesce(nullif(upper(token_id), ''), contract_id), started_at);
CREATE INDEX ix_cdr_card_started_at ON cdr (coalesce(nullif(upper(token_id), ''), contract_id), started_at);
CREATE INDEX ix_cdr_uncleared_provider_key ON cdr_uncleared (provider_key);
CREATE INDEX ix_cdr_cleared_run_number_provider_partner_id ON cdr_cleared (run_number, provider_partner_id);
CREATE INDEX ix_cdr_cleared_run_number_operator_partner_id ON cdr_cleared (run_number, operator_partner_id);
CREATE INDEX ix_cdr_purged_request_id ON cdr_purged (request_id);
CREATE INDEX ix_upload_receipt_received_at ON upload_receipt (received_at);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;
CREATE TRIGGER audit_baseline_no_update BEFORE UPDATE ON audit_baseline BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;
CREATE TRIGGER audit_baseline_no_delete BEFORE DELETE ON audit_baseline BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE number = NEW.number) BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;
CREATE TRIGGER audit_baseline_no_replace BEFORE INSERT ON audit_baseline WHEN EXISTS (SELECT 1 FROM audit_baseline WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'the audit trail is only added to'); END;
COMMIT;
