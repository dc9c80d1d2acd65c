; PMSAv7 as SMT-LIB 2: what an Armv7-M MPU permits, from the register words.
; Sources: Armv7-M Architecture Reference Manual (DDI 0403), B3.5 "Protected Memory System Architecture, PMSAv7".
;   MPU_RBAR  31:5 ADDR, 4 VALID, 3:0 REGION
;   MPU_RASR  28 XN, 26:24 AP, 21:19 TEX, 18 S, 17 C, 16 B, 15:8 SRD, 5:1 SIZE, 0 ENABLE
; Addresses have 36 bits so that no sum wraps; an issued address is below 2^32.
; Rights are three bits: 0 read, 1 write, 2 execute.
(define-sort Addr () (_ BitVec 36))
(define-sort Word () (_ BitVec 32))
(define-sort Rights () (_ BitVec 3))

(define-fun issued ((a Addr)) Bool (bvult a #x100000000))
(define-fun within ((a Addr) (base Addr) (end Addr)) Bool (and (bvule base a) (bvult a end)))

(define-fun rasr.enabled ((rasr Word)) Bool (= ((_ extract 0 0) rasr) #b1))
(define-fun rasr.size ((rasr Word)) (_ BitVec 5) ((_ extract 5 1) rasr))
(define-fun rasr.srd ((rasr Word)) (_ BitVec 8) ((_ extract 15 8) rasr))
(define-fun rasr.ap ((rasr Word)) (_ BitVec 3) ((_ extract 26 24) rasr))
(define-fun rasr.xn ((rasr Word)) Bool (= ((_ extract 28 28) rasr) #b1))
(define-fun rasr.tex ((rasr Word)) (_ BitVec 3) ((_ extract 21 19) rasr))
(define-fun rasr.cb ((rasr Word)) (_ BitVec 2) ((_ extract 17 16) rasr))
(define-fun shareable ((rasr Word)) Bool (= ((_ extract 18 18) rasr) #b1))

; A region is 2^(SIZE+1) bytes: `span` is that minus one.
(define-fun span ((rasr Word)) Addr
  (bvsub (bvshl #x000000002 (concat #b0000000000000000000000000000000 (rasr.size rasr))) #x000000001))
(define-fun base ((rbar Word) (rasr Word)) Addr
  (bvand (concat #x0 ((_ extract 31 5) rbar) #b00000) (bvnot (span rasr))))
; Bit n of SRD disables the n-th eighth of a region of 256 bytes or more.
(define-fun eighth ((rasr Word) (a Addr)) Addr
  (bvand (bvlshr a (bvsub (concat #b0000000000000000000000000000000 (rasr.size rasr)) #x000000002)) #x000000007))
(define-fun subregion.disabled ((rasr Word) (a Addr)) Bool
  (and (bvuge (rasr.size rasr) #b00111)
       (= ((_ extract 0 0) (bvlshr (concat #x0000000 (rasr.srd rasr)) (eighth rasr a))) #b1)))
(define-fun matches ((rbar Word) (rasr Word) (a Addr)) Bool
  (and (rasr.enabled rasr)
       (= (bvand a (bvnot (span rasr))) (base rbar rasr))
       (not (subregion.disabled rasr a))))

; Access permissions, table B3-15; 0b100 is reserved. A fetch needs XN clear and permission to read.
(define-fun user.read ((rasr Word)) Bool
  (let ((ap (rasr.ap rasr))) (or (= ap #b010) (= ap #b011) (= ap #b110) (= ap #b111))))
(define-fun user.write ((rasr Word)) Bool (= (rasr.ap rasr) #b011))
(define-fun privileged.read ((rasr Word)) Bool
  (let ((ap (rasr.ap rasr))) (not (or (= ap #b000) (= ap #b100)))))
(define-fun privileged.write ((rasr Word)) Bool
  (let ((ap (rasr.ap rasr))) (or (= ap #b001) (= ap #b010) (= ap #b011))))
(define-fun rights-of ((r Bool) (w Bool) (x Bool)) Rights
  (concat (ite x #b1 #b0) (ite w #b1 #b0) (ite r #b1 #b0)))
; `rasr` is the word of the region that decides, or zero where none matches: PRIVDEFENA gives unprivileged code nothing.
(define-fun user ((rasr Word)) Rights
  (ite (rasr.enabled rasr)
       (rights-of (user.read rasr) (user.write rasr) (and (user.read rasr) (not (rasr.xn rasr))))
       #b000))
; The default memory map, table B3-1: peripherals, external devices and the system space are execute-never.
(define-fun default.xn ((a Addr)) Bool
  (or (within a #x040000000 #x060000000) (within a #x0A0000000 #x100000000)))
(define-fun privileged ((rasr Word) (a Addr)) Rights
  (ite (not (issued a)) #b000
  (ite (rasr.enabled rasr)
       (rights-of (privileged.read rasr) (privileged.write rasr)
                  (and (privileged.read rasr) (not (rasr.xn rasr))))
       (rights-of true true (not (default.xn a))))))

; Memory types, table B3-13.
(define-fun type.device ((rasr Word)) Bool
  (let ((t (rasr.tex rasr)) (cb (rasr.cb rasr)))
    (or (and (= t #b000) (= cb #b01)) (and (= t #b010) (= cb #b00)))))
(define-fun type.normal-uncached ((rasr Word)) Bool
  (let ((t (rasr.tex rasr)) (cb (rasr.cb rasr)))
    (or (and (= t #b001) (= cb #b00)) (and (= t #b100) (= cb #b00)))))
(define-fun type.normal-write-through ((rasr Word)) Bool
  (let ((t (rasr.tex rasr)) (cb (rasr.cb rasr)))
    (or (and (= t #b000) (= cb #b10)) (and (= t #b110) (= cb #b10)))))
(define-fun type.normal-write-back ((rasr Word)) Bool
  (let ((t (rasr.tex rasr)) (cb (rasr.cb rasr)))
    (or (and (= t #b000) (= cb #b11)) (and (= t #b001) (= cb #b11))
        (and (= t #b111) (= cb #b11)) (and (= t #b101) (= cb #b01)))))

; Reserved or UNPREDICTABLE fields of a pair as it reads.
(define-fun malformed ((rbar Word) (rasr Word)) Bool
  (or (not (= ((_ extract 4 0) rbar) #b00000))
      (not (= (bvand rasr #xE8C000C0) #x00000000))
      (and (rasr.enabled rasr)
           (or (bvult (rasr.size rasr) #b00100)
               (not (= (bvand (concat #x0 rbar) (span rasr) #xFFFFFFFE0) #x000000000))
               (and (bvult (rasr.size rasr) #b00111) (not (= (rasr.srd rasr) #x00)))
               (= (rasr.ap rasr) #b100)
               (= (rasr.tex rasr) #b011)
               (and (= (rasr.tex rasr) #b001) (or (= (rasr.cb rasr) #b01) (= (rasr.cb rasr) #b10)))
               (and (= (rasr.tex rasr) #b010) (not (= (rasr.cb rasr) #b00)))))))
